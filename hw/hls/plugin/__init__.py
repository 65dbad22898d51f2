"""The hls4ml backend plug-in XnorVitis.

hls4ml comes first: it loads the plug-in while it is being imported, and the plug-in's modules import hls4ml.
"""

import hls4ml  # noqa: F401
