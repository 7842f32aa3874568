"""Draw all pictures of the documentation anew: `python docs/pictures/draw.py`; needs the extra `plot`."""

import active_sets
import against_gpu
import answer
import batch
import hash_tables
import peers
import roofline
import step_phases
import step_scaling
import steps
import wide_output

for picture in (
    wide_output,
    hash_tables,
    active_sets,
    batch,
    answer,
    peers,
    steps,
    against_gpu,
    step_phases,
    step_scaling,
    roofline,
):
    picture.main()
