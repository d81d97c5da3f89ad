{{ sync_marks("lofty") }}
