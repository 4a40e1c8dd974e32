"""Each MLP as a Verilog pipeline, and Verilator to run it."""
