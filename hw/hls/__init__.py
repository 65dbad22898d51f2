"""The HLS side: the hls4ml backend plug-in XnorVitis, its kernels, and the project that it writes.

hls4ml comes first: it loads the plug-in while it is being imported, and the plug-in's modules import hls4ml.
"""

import hls4ml  # noqa: F401
