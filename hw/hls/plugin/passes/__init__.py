"""hls4ml passes of the backend XnorVitis, one a file."""
