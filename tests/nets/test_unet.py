"""The U-Net that reads a volume slice by slice, and a film as one of them."""

import torch

from medcore.nets.unet import FilmUnet, SliceUnet


def small() -> SliceUnet:
    torch.manual_seed(0)
    return SliceUnet(2, 1, channels=(8, 12, 16)).eval()


def test_how_many_slices_go_at_a_time_changes_nothing() -> None:
    net, x, mask = small(), torch.randn(2, 2, 11, 32, 24), torch.ones(2, 2, 11, 1, 1)
    mask[1, :, 8:] = 0  # padded to the other's length
    found = []
    for net.chunk in (2, 5, 64):
        with torch.no_grad():
            found.append((*net.both(x, mask), net.embed(x, mask)))
    for z, seen, embedded in found:
        torch.testing.assert_close(z, found[0][0], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(seen, found[0][1], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(embedded, seen, atol=1e-5, rtol=1e-4)
    assert found[0][0].shape == (2, 1, 11, 32, 24)


def test_a_head_and_its_mirror_image_are_answered_alike() -> None:
    net, x, mask = small(), torch.randn(1, 2, 6, 32, 24), torch.ones(1, 2, 6, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(net(x.flip(-1), mask), net(x, mask).flip(-1), atol=1e-5, rtol=1e-4)


def test_a_slice_sees_its_neighbours_and_none_further() -> None:
    net, x, mask = small(), torch.randn(1, 2, 9, 32, 24), torch.ones(1, 2, 9, 1, 1)
    changed = x.clone()
    changed[:, :, 4] += 3
    with torch.no_grad():
        moved = (net(changed, mask) - net(x, mask)).abs().amax((0, 1, 3, 4))
    assert (moved[3:6] > 1e-4).all() and (moved[[0, 1, 2, 6, 7, 8]] < 1e-6).all()


def film_net() -> FilmUnet:
    torch.manual_seed(0)
    return FilmUnet(2, channels=(8, 12, 16)).eval()


def test_a_film_gets_a_logit_a_pixel_and_label() -> None:
    net, x = film_net(), torch.rand(3, 1, 64, 48)
    with torch.no_grad():
        z, seen = net.both(x, torch.ones_like(x))
        torch.testing.assert_close(net(x, torch.ones_like(x)), z)
        torch.testing.assert_close(net(x[1:2], torch.ones_like(x[1:2])), z[1:2], atol=1e-5, rtol=1e-4)
    assert z.shape == (3, 2, 64, 48) and seen.shape == (3, 2 * 16)
    assert not torch.allclose(z[:, 0], z[:, 1])


def test_a_film_and_its_mirror_image_are_answered_alike() -> None:
    net, x = film_net(), torch.rand(2, 1, 64, 48)
    mask = torch.ones_like(x)
    with torch.no_grad():
        torch.testing.assert_close(net(x.flip(-1), mask), net(x, mask).flip(-1), atol=1e-5, rtol=1e-4)
