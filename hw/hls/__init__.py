"""The HLS side: kernels, the project that is written from a network, and the hls4ml plug-in (`plugin`)."""
