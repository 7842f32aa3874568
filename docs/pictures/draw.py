"""Draw all pictures of the documentation anew: `python docs/pictures/draw.py`; needs the extra `plot`."""

import active_sets
import answer
import batch
import hash_tables
import peers
import steps
import wide_output

for picture in (wide_output, hash_tables, active_sets, batch, answer, peers, steps):
    picture.main()
