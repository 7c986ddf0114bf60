"""What the figures of chapter 6 say is computed from what they draw."""

from __future__ import annotations

import pytest

from aigc_utils import plotting
from aigc_utils.evaluation import SampleScores


@pytest.mark.parametrize(("gan", "best"), [(5.0, "GAN"), (50.0, "VAE")])
def test_the_title_over_all_techniques_names_the_nearest(gan: float, best: str) -> None:
    def scored(distance: float) -> SampleScores:
        return SampleScores(distance, None, 0.8, 0.7, 0.9, 0.6, 0.01)

    picture = plotting.side_by_side({"GAN": scored(gan), "VAE": scored(40.0)}, scored(0.1))
    assert picture.figure.get_suptitle() == f"Nearest to the real images: {best}"
