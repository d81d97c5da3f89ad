{{ sync_marks("rezen") }}
