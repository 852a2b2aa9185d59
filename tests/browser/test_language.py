"""The desk in Chinese: switched in the page, kept, and no English left over."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from medcore.clinic import Clinic
from medcore.settings import settings
from medcore.simulate.head import head
from tests.browser.conftest import sign_in
from tests.browser.test_pages import Desk, settled, stock

pytestmark = pytest.mark.browser
PAGES = ("/", "/new_case", *(f"/case?case={n}" for n in range(1, 5)), "/explain?case=1", "/explain?case=3",
         "/train", "/models", "/models?task=ecg_rhythm", "/readers", "/about")  # fmt: skip
# Names, formats, units and codes, which stay as they are in any language.
NAMES = re.compile(
    r"""English|reader|trainer|admin|DICOM|NIfTI|WFDB|FHIR|JPEG|Excel|MUSE|NeuroKit2?|PTB-XL|CinC|Challenge|SUPPORT2?|
    NIH|Kermany|TCGA|AUROC|Brier|Dice|Platt|Wilson|Grad-CAM|Shapley|SHA-256|FLAIR|Bazett|Fridericia|Cabrera|Alt|Ctrl|
    Shift|Esc|Enter|Home|End|Delete|Page\ Up|Page\ Down|
    mmHg|mmol|µmol|PaO₂|FiO₂|PNG|CSV|ZIP|CPU|GPU|CUDA|MEDCORE_\w+|mortality|ecg_rhythm|cxr_pneumonia|
    ecg_diagnosis|brain_tumour_seg|support2|cinc2017|nih|kermany|ptbxl|lgg|simulated_\w+|HistGradientBoosting|XGBoost|
    scikit-learn|\w+\.(?:csv|md|json|npz|png|zip)|[\w/]+/\w*|https?\S*|make\ \w+|python\ -m\ medcore\S*|\w+_\w+|
    Keyboard|Captum|Youden|Python|torch|captum|numpy|scipy|pydicom|streamlit|sqlalchemy|system|Model\ Card""",
    re.VERBOSE,
)
WORD = re.compile(r"\b[A-Za-z][a-z]{3,}\b")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A record, an ECG, a film and a volume, each read by the reader."""
    made = Desk(tmp_path_factory.mktemp("language"))
    stock(made)
    clinic = Clinic(replace(settings(), home=made.home, database_url=f"sqlite:///{made.home}/medcore.sqlite"))
    reader = clinic.sign_in("reader")
    volume = clinic.admit_inputs(reader, [head(3)[0]], source="demo")
    clinic.lock_read(reader, volume, clinic.open_case(reader, volume).tasks[0], "")
    made.start()
    yield made
    made.stop()


def english(page: Page) -> list[str]:
    """Lines of the page that hold English words, what is drawn by Streamlit itself left out."""
    shown = page.evaluate(
        """() => { const out = [];
          const walk = root => { for (const node of root.querySelectorAll('*')) {
            if (node.closest('[data-testid=stFileUploaderDropzone],[data-testid=stMainMenu],script,style,.ico,'
                + '[data-testid=stExpander] [data-testid=stMarkdownContainer],'
                + '[data-testid=stIconMaterial],pre,code')) continue;
            for (const child of node.childNodes) if (child.nodeType === 3 && child.data.trim()) out.push(child.data);
            for (const name of ['aria-label', 'title', 'placeholder'])
              if (node.hasAttribute(name) && !node.closest('[data-testid^=stElementToolbar]'))
                out.push(node.getAttribute(name));
            if (node.shadowRoot) walk(node.shadowRoot); } };
          walk(document.querySelector('[data-testid=stMain]')); return out; }"""
    )
    # Streamlit's own words.
    own = re.compile(r"Shortcut |Help for |Choose an option$|Open$|Increment$|Decrement$|Link to heading$")
    return sorted({text.strip() for text in shown if WORD.search(NAMES.sub("", text)) and not own.match(text.strip())})


def test_the_language_is_switched_in_the_page_and_kept(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url, path="/about?case=1")
    page.get_by_role("link", name="中文").click()
    expect(page.get_by_role("heading", name="关于")).to_be_visible(timeout=30_000)
    assert page.url.endswith("/about?case=1"), "back on the page that asked"
    page.goto(f"{desk.url}/login")
    assert page.locator("html").get_attribute("lang") == "zh"
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_browser_that_asks_for_chinese_gets_it(context: BrowserContext, desk: Desk) -> None:
    assert context.browser
    asked = context.browser.new_context(locale="zh-CN")
    page = asked.new_page()
    page.goto(f"{desk.url}/login")
    expect(page.get_by_role("button", name="登录")).to_be_visible()
    asked.close()


def test_a_viewer_is_named_in_the_language_of_each_visitor(page: Page, desk: Desk) -> None:
    sign_in(page, desk.url)
    for language, name in (("zh", "X 光片"), ("en", "Film"), ("zh", "X 光片")):
        page.goto(f"{desk.url}/language/{language}")
        page.goto(f"{desk.url}/case?case=3")
        expect(page.locator(".viewer").get_by_role("toolbar")).to_have_accessible_name(name, timeout=90_000)


@pytest.mark.parametrize("path", PAGES)
def test_no_english_is_left(path: str, page: Page, desk: Desk) -> None:
    sign_in(page, desk.url, "trainer" if path[:4] in ("/tra", "/mod", "/rea") else "reader")
    page.goto(f"{desk.url}/language/zh")
    page.goto(desk.url + path)
    page.get_by_test_id("stMain").locator(".d").first.wait_for(timeout=30_000)
    page.wait_for_function("() => !document.querySelector('[data-testid^=stSkeleton]')", timeout=90_000)
    settled(page)
    page.wait_for_timeout(800)
    assert english(page) == [], "\n".join(english(page))
