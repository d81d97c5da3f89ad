with

source as (
    {{ live_rows("stripe", "prices") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as price_source_id,
        {{ present('product') }} as product_source_id,
        {{ json_text('recurring', 'meter') }} as meter_source_id,

        -- strings
        {{ present('nickname') }} as price_name,
        {{ present('lookup_key') }} as lookup_key,
        {{ present('type') }} as price_type,
        {{ present('billing_scheme') }} as billing_scheme,
        {{ present('tiers_mode') }} as tiers_mode,
        {{ present('tax_behavior') }} as tax_behavior,
        {{ json_text('recurring', 'interval') }} as recurring_interval,
        {{ json_text('recurring', 'usage_type') }} as usage_type,
        {{ json_text('transform_quantity', 'round') }} as quantity_rounding,
        {{ currency_code('currency') }} as currency,

        -- json
        tiers,
        currency_options,
        metadata,

        -- numerics
        {{
            stripe_amount(
                'coalesce(' ~ safe_numeric('unit_amount_decimal') ~ ', unit_amount)',
                'currency'
            )
        }} as unit_amount,
        {{
            stripe_amount(json_numeric('custom_unit_amount', 'minimum'), 'currency')
        }} as custom_minimum_amount,
        {{
            stripe_amount(json_numeric('custom_unit_amount', 'maximum'), 'currency')
        }} as custom_maximum_amount,
        {{
            stripe_amount(json_numeric('custom_unit_amount', 'preset'), 'currency')
        }} as custom_preset_amount,
        {{ json_numeric('transform_quantity', 'divide_by') }} as quantity_divisor,
        {{ json_numeric('recurring', 'interval_count') }}::integer
            as recurring_interval_count,
        {{ json_numeric('recurring', 'trial_period_days') }}::integer as trial_days,

        -- booleans
        active as is_active,
        livemode as is_live,
        coalesce(jsonb_typeof(custom_unit_amount) = 'object', false)
            as is_custom_amount,

        -- dates
        created as created_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed
