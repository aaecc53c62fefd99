"""What-if runs: other models over stored conversions. Runs write credits and never pay."""
