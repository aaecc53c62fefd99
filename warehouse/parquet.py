"""Settings with which the engine writes Clew's Parquet files. Pure."""

from typing import Any

ROW_GROUP_ROWS = 100_000

EXPORT_SETTINGS: dict[str, Any] = {
    "output_format_parquet_compression_method": "zstd",
    "output_format_parquet_row_group_size": ROW_GROUP_ROWS,
    "output_format_parquet_string_as_string": 1,
    "output_format_parquet_fixed_string_as_fixed_byte_array": 1,
    "max_threads": 2,
}
