{{ sync_marks("fub") }}
