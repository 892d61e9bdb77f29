"""Connected parts of a region."""

from __future__ import annotations

import numpy as np
from kdnet.measurement.parts import connected_parts
from kdnet.schema.labels import brats_labels

_ENHANCING, CORE, WHOLE = brats_labels().regions


def test_parts_touch_at_corners_and_come_in_the_order_of_their_first_voxels() -> None:
    voxels = np.zeros((12, 12, 12), np.uint8)
    voxels[8:10, 2:4, 2:4] = 2
    voxels[2:4, 5:7, 5:7] = 1
    voxels[4, 7, 7] = 3  # touches the second at a corner
    first, second = connected_parts(voxels, WHOLE, 0.5)
    assert (first.milliliters, second.milliliters) == (4.5, 4.0)
    assert first.box == (slice(2, 5), slice(5, 8), slice(5, 8))
    assert second.mask.all()
    assert [part.milliliters for part in connected_parts(voxels, CORE, 0.5)] == [4.5]
    rebuilt = np.zeros(voxels.shape, bool)
    for part in (first, second):
        rebuilt[part.box] |= part.mask
    assert np.array_equal(rebuilt, voxels > 0)


def test_a_region_that_is_absent_has_no_parts() -> None:
    assert connected_parts(np.full((4, 4, 4), 2, np.uint8), CORE, 1.0) == ()
