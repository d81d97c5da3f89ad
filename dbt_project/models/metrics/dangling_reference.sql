with

resolved as (
    {%- for reference in vendor_references() %}
    {{ resolved_reference(reference) }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

final as (
    select
        reference,
        scope_id,
        row_id,
        missing_id,
        missing_from
    from resolved
    where is_missing
)

select * from final
