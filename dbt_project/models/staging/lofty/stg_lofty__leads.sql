with

source as (
    {{ live_rows("lofty", "leads") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('lead_id') }} as lead_source_id,
        {{ lofty_id('lead_user_id') }} as site_user_source_id,
        {{ present('team_id') }} as account_source_id,
        {{ lofty_id('stage_id') }} as stage_source_id,
        {{ lofty_id('assigned_user_id') }} as assigned_user_source_id,
        {{ lofty_id('lender_user_id') }} as lender_user_source_id,
        {{ lofty_id('pond_id') }} as pond_source_id,
        {{ lofty_id('lead_source') }} as lead_source_source_id,
        case when ownership_scope <> 'TEAM' then {{ lofty_id('ownership_id') }} end
            as ownership_source_id,

        -- strings
        {{ present('first_name') }} as first_name,
        {{ present('last_name') }} as last_name,
        {{ present('language') }} as language,
        {{ present('source') }} as lead_source,
        {{ present('stage') }} as stage_name,
        {{ present('assigned_user') }} as assigned_user_name,
        {{ present('pond_name') }} as pond_name,
        {{ present('ownership_scope') }} as ownership_scope,
        {{ present('opportunity') }} as opportunity,
        {{ present('street_address') }} as street_address,
        {{ present('city') }} as city,
        {{ present('state') }} as state,
        {{ present('zip_code') }} as postal_code,
        {{ present('facebook') }} as facebook,
        {{ present('twitter') }} as twitter,
        {{ present('referred_by') }} as referred_by,
        {{ present('buying_time_frame') }} as buying_time_frame,
        {{ present('selling_time_frame') }} as selling_time_frame,

        -- json
        emails,
        phones,
        phone_statuses,
        lead_types,
        tags,
        segments,
        lead_inquiry,
        lead_property_list,
        custom_attributes,
        lead_family_member_list,
        custom_role_list,

        -- numerics
        score,

        -- booleans
        assign_completion_status as is_assigned_completely,
        hidden_flag as is_hidden,
        private_flag as is_private,
        cannot_text as is_text_forbidden,
        cannot_call as is_call_forbidden,
        cannot_email as is_email_forbidden,
        unsubscription as is_unsubscribed,
        {{ lofty_yes_no('pre_qual') }} as is_prequalified,
        {{ lofty_yes_no('house_to_sell') }} as has_house_to_sell,
        {{ lofty_yes_no('fthb') }} as is_first_time_buyer,
        {{ lofty_yes_no('with_buyer_agent') }} as has_buyer_agent,
        {{ lofty_yes_no('with_listing_agent') }} as has_listing_agent,
        {{ lofty_yes_no('mortgage') }} as has_mortgage,
        {{ lofty_yes_no('buy_house') }} as is_buying,

        -- dates
        create_time as created_at,
        last_update_time as updated_at,
        assign_time as assigned_at,
        last_touch as last_touched_at,
        last_visit as last_visited_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed
