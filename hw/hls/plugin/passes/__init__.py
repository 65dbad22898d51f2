"""hls4ml passes of the backend XnorVitis, one per file."""
