"""The article's listings beside the course's code, in one run."""

import aigc_utils  # noqa: F401 - before torch, as it sets how long torch's threads wait
