"""Cycles that pipelines of HLS kernels take, at most, at a clock of some 200 MHz.

The HLS compiler decides on pipeline depths; these figures are on the safe side. They matter for the pace only: the
kernels' pipelines are flushable, so what is under way leaves by itself and no FIFO depth depends on them for progress.
"""

#: A read, a write and the control of a pipeline.
PORTS = 4
#: A multiplication, and a requantization.
STEP = 3
