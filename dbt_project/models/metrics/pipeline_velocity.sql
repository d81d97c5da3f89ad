{{ rollup("stage_stay", [
    "pipeline_source_id", "stage_source_id", "pipeline_name", "stage_name",
    "order_weight",
]) }}
