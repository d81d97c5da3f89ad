with

source as (
    select * from {{ source("raw_fub", "tombstones") }}
),

renamed as (
    select
        -- ids
        connection_id,
        entity,
        row_key,

        -- dates
        deleted_at
    from source
)

select * from renamed
