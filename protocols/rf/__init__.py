"""From I/Q samples or receiver bytes to telegrams: demodulation, line codes, receiver framings."""
