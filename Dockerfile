# Dashboard and worker in one image:
#   docker build -t medcore .
#   docker run --init --rm -p 127.0.0.1:8501:8501 --tmpfs /tmp:mode=1777,size=2g -v medcore:/data \
#       -e MEDCORE_ADMIN_PASSWORD medcore
# /tmp in memory takes uploads on their way in, before names are removed. It computes on the CPU. To choose torch's
# build (CPU only and small, or CUDA), name the index that PyTorch's installation page gives for it; for CUDA also name
# the device, and add --gpus all to docker run:
#   docker build --build-arg TORCH_INDEX=… --build-arg DEVICE=cuda -t medcore .

FROM python:3.11-slim AS build
ARG TORCH_INDEX=
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /medcore
COPY requirements.txt ./
RUN python -m venv .venv \
    && .venv/bin/pip install --no-deps ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "$(grep -o '^torch==[^ ]*' requirements.txt)" \
    && .venv/bin/pip install -r requirements.txt
COPY . ./
RUN .venv/bin/pip install --no-deps -e .

FROM python:3.11-slim
# Pango writes the PDFs; the font holds Chinese. Unpinned, for the security updates of the day.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*
# A user of its own; /data is the only place that it may write to.
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin medcore \
    && install -d -o medcore -g medcore -m 0700 /data
COPY --from=build /medcore /medcore
WORKDIR /medcore
ARG DEVICE=cpu
ENV PATH=/medcore/.venv/bin:$PATH \
    MEDCORE_DEVICE=$DEVICE \
    PYTHONDONTWRITEBYTECODE=1 \
    MEDCORE_HOME=/data \
    ADDRESS=0.0.0.0 \
    PORT=8501
USER 10001
VOLUME /data
EXPOSE 8501
# Start-up ends when the demo worklist is there.
HEALTHCHECK --start-period=180s --interval=30s --timeout=5s --retries=3 \
    CMD ["python", "-c", "import os, sys; from app.__main__ import answers; sys.exit(not answers('127.0.0.1', int(os.environ['PORT'])))"]
# Refuses to start without MEDCORE_ADMIN_PASSWORD, because it listens beyond its own machine.
CMD ["python", "-m", "app"]
