"""Figures of the engine as pages show them: periods, sums, tiles, tables. Rows come from control.engine."""
