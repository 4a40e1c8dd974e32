// Drives a pipeline with one vector a clock and reads each result LATENCY clocks after its vector was taken:
// equal results therefore prove the initiation interval of 1 and the latency along with the arithmetic.
// LATENCY comes from the command line. Rows are packed in 32-bit words, first column in the lowest bits.
// Behind ports.h.
extern "C" void simulate(const uint32_t *input, uint32_t *output, std::size_t vectors, std::size_t input_words,
                         std::size_t output_words) {
    const auto context = std::make_unique<VerilatedContext>();
    const auto top = std::make_unique<Vpipeline>(context.get());
    top->clk = 0;
    for (std::size_t clock = 0; clock < vectors + LATENCY; clock++) {
        // After the last vector the first ones follow again: nothing idles while results are still inside.
        put(top->model_inp, input + (clock % vectors) * input_words);
        top->clk = 0;
        top->eval();
        top->clk = 1;
        top->eval();
        if (clock >= LATENCY) get(top->model_out, output + (clock - LATENCY) * output_words);
    }
    top->final();
}
