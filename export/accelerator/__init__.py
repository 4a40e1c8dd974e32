"""The whole network as one streaming Verilog design: plan, cycles, text, simulation."""
