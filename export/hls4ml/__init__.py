"""The complete network as one hls4ml project: layers, streams, test bench, C simulation."""
