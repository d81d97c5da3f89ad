-- The raw tables of a brokerage of production size, made in the database: every value follows from
-- the number of its row. Placeholders: how many of what, and the moment at which it was read.

create schema if not exists bench;

-- a number from 0 to below_that out of a row's number, another one for each purpose
create or replace function bench.pick(n bigint, purpose int, below bigint) returns bigint
language sql immutable parallel safe
return (hashint8extended(n, purpose) & 9223372036854775807) % below;

create or replace function bench.of_list(items text [], n bigint, purpose int) returns text
language sql immutable parallel safe
return items[1 + bench.pick(n, purpose, cardinality(items))];

create or replace function bench.id(kind text, n bigint) returns text
language sql immutable parallel safe
return md5(kind || n)::uuid::text;

create or replace function bench.first_name(n bigint) returns text
language sql immutable parallel safe
return bench.of_list(
    '{Ada,Ben,Cora,Dina,Emil,Fay,Gus,Hana,Ivo,Jana,Karl,Lara,Milo,Nina,Otto,Pia}', n, 1
);

create or replace function bench.last_name(n bigint) returns text
language sql immutable parallel safe
return bench.of_list('{Sample,Example,Specimen,Template,Placeholder,Demo,Quill,Marlow}', n, 2)
|| '-' || (n % 997);

-- when a row was read: the last time it changed, within some four hundred days
create or replace function bench.read_at(n bigint) returns timestamptz
language sql immutable parallel safe
return timestamptz '{{now}}' - make_interval(secs => 60 + bench.pick(n, 3, 35000000));

create or replace function bench.address(n bigint) returns jsonb
language sql immutable parallel safe
return jsonb_build_object(
    'street', (100 + bench.pick(n, 4, 9800)) || ' Example Street', 'unit', null, 'street2', null,
    'city', bench.of_list('{Ogden,Provo,Austin,Dallas,Bend,Miami,Tampa,Boise,Reno,Mesa}', n, 5),
    'state', bench.of_list('{UTAH,TEXAS,OREGON,FLORIDA,IDAHO,NEVADA,ARIZONA}', n, 6),
    'zip', (10000 + bench.pick(n, 7, 89999))::text, 'county', 'WEBER COUNTY',
    'country', 'UNITED_STATES', 'oneLine', null
);

create or replace function bench.money(amount numeric) returns jsonb
language sql immutable parallel safe
return jsonb_build_object('amount', amount, 'currency', 'USD');

-- each account has one user who sees all of it, the first ones a second user: the connections of
-- agents 1 to {{accounts}}, and of those that follow
create or replace function bench.account_of(n bigint) returns text
language sql immutable parallel safe
return (1000 + 1 + (n - 1) % {{accounts}})::text;

create or replace function bench.connection(n bigint, vendor text) returns text
language sql immutable parallel safe
return 'agent-' || lpad(n::text, 4, '0') || ':' || vendor;

-- a mark of a reading that has just ended, for each connection and table with rows
create or replace procedure bench.mark(vendor_name text, at timestamptz)
language plpgsql as $body$
declare
    raw_schema text := 'raw_' || vendor_name;
    load text := extract(epoch from at)::text;
    entity text;
begin
    execute format('insert into %I._dlt_loads values ($1, $2, 0, $3, $4)', raw_schema)
    using load, raw_schema, at, 'bench';
    for entity in
        select table_name from information_schema.columns
        where table_schema = raw_schema and column_name = '_row_hash'
    loop
        execute format(
            'insert into %I.sync_marks (
                run_id, connection_id, entity, status, mode, started_at, finished_at, rows_read,
                rows_written, rows_unchanged, rows_rejected, rows_deleted, api_calls,
                is_complete_sweep, is_probe, _dlt_load_id, _dlt_id
            )
            select
                $1, connection_id, $2, ''ok'', ''incremental'', $3 - interval ''2 minutes'', $3,
                0, 0, 0, 0, 0, 1, false, false, $1, md5($1 || $2 || connection_id)
            from control.connections
            where vendor = $4',
            raw_schema
        )
        using load, entity, at, vendor_name;
    end loop;
end
$body$;

-- who is connected: agents 1 to {{connected}}, at reZEN each, at Follow Up Boss the first ones
insert into control.agents (agent_key, display_name, email, rezen_agent_id)
select
    'agent-' || lpad(n::text, 4, '0'),
    bench.first_name(n) || ' ' || bench.last_name(n),
    'agent.' || n || '@example.test',
    bench.id('agent', n)
from generate_series(1, {{connected}}) as n;

insert into control.connections (connection_id, agent_key, vendor, status, account_source_id)
select
    'agent-' || lpad(n::text, 4, '0') || ':' || vendor,
    'agent-' || lpad(n::text, 4, '0'),
    vendor,
    'active',
    case vendor when 'rezen' then bench.id('agent', n) else bench.account_of(n) end
from generate_series(1, {{connected}}) as n
cross join unnest(array['rezen', 'fub']) as vendor
where vendor = 'rezen' or n <= {{crm_connections}};

-- reZEN: the agents themselves, their caps and teams

insert into raw_rezen.agents (
    connection_id, _key, id, created_at, updated_at, type, first_name, last_name, full_name,
    email_address, phone_number, agent_status, agent_account_country, join_date,
    anniversary_date, offices, team_memberships, _row_hash, _synced_at
)
select
    bench.connection(n, 'rezen'), bench.id('agent', n), bench.id('agent', n),
    bench.read_at(n), bench.read_at(n), 'AGENT', bench.first_name(n), bench.last_name(n),
    bench.first_name(n) || ' ' || bench.last_name(n), 'agent.' || n || '@example.test',
    '5550' || lpad(n::text, 6, '0'), 'ACTIVE', 'UNITED_STATES',
    date '2019-01-01' + (n % 2000)::int, date '2019-01-01' + (n % 2000)::int,
    jsonb_build_array(jsonb_build_object(
        'id', bench.id('office', n % 9), 'name', 'Real ' || n % 9,
        'address', bench.address(n % 9)
    )),
    jsonb_build_array(jsonb_build_object(
        'teamId', bench.id('team', n % 20), 'teamName', 'Team ' || n % 20,
        'teamType', 'NORMAL', 'flex', false
    )),
    md5(n::text), bench.read_at(n)
from generate_series(1, {{connected}}) as n;

insert into raw_rezen.cap_info (
    connection_id, _key, agent_id, read_on, annual_cap_amount, annual_cap_currency,
    cap_amount_paid_amount, cap_amount_paid_currency, capped, next_anniversary_date,
    pre_cap_real_commission_split, elite, _row_hash, _synced_at
)
select
    bench.connection(n, 'rezen'), bench.id('agent', n) || '|' || read_on, bench.id('agent', n),
    read_on, 12000, 'USD', 100 * (n % 120), 'USD', n % 120 = 0,
    date '2026-07-01' + (n % 300)::int, 15, false, md5(n || read_on::text),
    timestamptz '{{now}}' - interval '1 day'
from generate_series(1, {{connected}}) as n
cross join generate_series(date '2026-06-01', date '2026-06-15', '1 day') as days (day)
cross join lateral (select day::date as read_on) as read_days;

insert into raw_rezen.teams (
    connection_id, _key, id, name, type, status, country, flex, member_commission_split,
    created_at, updated_at, _row_hash, _synced_at
)
select
    bench.connection(n, 'rezen'), bench.id('team', n % 20), bench.id('team', n % 20),
    'Team ' || n % 20, 'NORMAL', 'ACTIVE', 'UNITED_STATES', false, 80,
    bench.read_at(n % 20), bench.read_at(n % 20), md5(n::text), bench.read_at(n)
from generate_series(1, {{connected}}) as n;

-- every connected member of a team sees its roster
insert into raw_rezen.team_members (
    connection_id, _key, team_id, id, agent_id, agent_status, agent, roles,
    member_commission_split, real_cap, _row_hash, _synced_at
)
select
    bench.connection(n, 'rezen'), bench.id('team', n % 20) || '|' || bench.id('member', member),
    bench.id('team', n % 20), bench.id('member', member), bench.id('agent', member), 'ACTIVE',
    jsonb_build_object(
        'id', bench.id('agent', member), 'firstName', bench.first_name(member),
        'lastName', bench.last_name(member), 'agentStatus', 'ACTIVE',
        'emailAddress', 'agent.' || member || '@example.test'
    ),
    case when member <= 20 then '["LEADER"]'::jsonb else '["MEMBER"]'::jsonb end,
    80, 6000, md5(n || '|' || member), bench.read_at(n)
from generate_series(1, {{connected}}) as n
cross join lateral generate_series(n % 20, 400 + n % 20, 20) as member
where member between 1 and {{agents}};

-- reZEN: the network. Agent n is sponsored by agent (n - 2) / 5 + 1, so each sponsors five.

create unlogged table bench.down_line as
with recursive

tree as (
    select
        n as owner,
        n as member,
        0 as tier
    from generate_series(1::bigint, {{connected}}) as n

    union all

    select
        tree.owner,
        children.n as member,
        tree.tier + 1 as tier
    from tree
    cross join lateral generate_series(
        5 * (tree.member - 1) + 2, least(5 * (tree.member - 1) + 6, {{agents}})
    ) as children (n)
    where tree.tier < 5
)

select
    owner,
    member,
    tier,
    row_number() over (order by owner, member) as number,
    bench.of_list(
        '{ACTIVE,ACTIVE,ACTIVE,ACTIVE,ACTIVE,ACTIVE,ACTIVE,INACTIVE,INACTIVE,CANDIDATE}', member, 8
    ) as status
from tree
where tier > 0;

create unique index on bench.down_line (number);
analyze bench.down_line;

insert into raw_rezen.down_line (
    connection_id, _key, id, first_name, last_name, status, email_address, phone_number,
    join_date, anniversary_date, terminated_as_of, size_of_network, updated_at, sponsor_id,
    sponsorship_type, sponsor_split, unlocking, capped, cap_amount_amount, cap_amount_currency,
    cap_amount_paid_amount, cap_amount_paid_currency, tier, _row_hash, _synced_at
)
select
    bench.connection(owner, 'rezen'), tier || '|' || bench.id('agent', member),
    bench.id('agent', member), bench.first_name(member), bench.last_name(member), status,
    'agent.' || member || '@example.test', '5550' || lpad(member::text, 6, '0'),
    case when status <> 'CANDIDATE' then date '2019-01-01' + bench.pick(member, 9, 2700)::int end,
    case when status <> 'CANDIDATE' then date '2019-01-01' + bench.pick(member, 9, 2700)::int end,
    case when status = 'INACTIVE' then date '2026-06-10' - bench.pick(member, 10, 300)::int end,
    0, bench.read_at(member), bench.id('agent', (member - 2) / 5 + 1), 'SOLE', 100,
    status = 'ACTIVE' and tier = 1, member % 40 = 0, 12000, 'USD', 100 * (member % 120), 'USD',
    tier, md5(owner || '|' || member), bench.read_at(number)
from bench.down_line;

insert into raw_rezen.front_line (
    connection_id, _key, id, first_name, last_name, status, email_address, phone_number,
    join_date, anniversary_date, terminated_as_of, size_of_network, updated_at, sponsor_id,
    sponsorship_type, sponsor_split, unlocking, capped, _row_hash, _synced_at
)
select
    connection_id, id, id, first_name, last_name, status, email_address, phone_number,
    join_date, anniversary_date, terminated_as_of, size_of_network, updated_at, sponsor_id,
    sponsorship_type, sponsor_split, unlocking, capped, _row_hash, _synced_at
from raw_rezen.down_line
where tier = 1;

insert into raw_rezen.network_size (
    connection_id, _key, tier, size, read_at, _row_hash, _synced_at
)
select
    bench.connection(owner, 'rezen'), tier || '|2026-06-15', tier,
    count(*) filter (where status = 'ACTIVE'), date '2026-06-15', md5(owner || '|' || tier),
    timestamptz '{{now}}' - interval '5 hours'
from bench.down_line
group by owner, tier;

insert into raw_rezen.sponsor_tree (
    connection_id, _key, id, level, first_name, last_name, status, _row_hash, _synced_at
)
with recursive

chain as (
    select
        n as member,
        (n - 2) / 5 + 1 as sponsor,
        1 as level
    from generate_series(2::bigint, {{connected}}) as n

    union all

    select
        member,
        (sponsor - 2) / 5 + 1 as sponsor,
        level + 1 as level
    from chain
    where sponsor > 1
)

select
    bench.connection(member, 'rezen'), bench.id('agent', sponsor), bench.id('agent', sponsor),
    level, bench.first_name(sponsor), bench.last_name(sponsor), 'ACTIVE',
    md5(member || '|' || sponsor), bench.read_at(member)
from chain;

-- reZEN: deals; every fifth is a listing, every 33rd is seen by a second connected agent

create unlogged table bench.deal as
select
    n,
    n % 5 = 0 as is_listing,
    1 + bench.pick(n, 11, {{connected}}) as owner,
    1 + bench.pick(n, 12, {{agents}}) as co_agent,
    bench.pick(n, 13, 10) < 3 as is_shared,
    bench.pick(n, 14, 100) as dice,
    100000 + 500 * bench.pick(n, 15, 2500)::numeric as price,
    date '2026-06-10' - bench.pick(n, 16, 2400)::int as contract_date,
    bench.read_at(n) as read_at
from generate_series(1::bigint, {{deals}}) as n;

alter table bench.deal add column state text, add column lifecycle_group text;

update bench.deal
set
    lifecycle_group = case
        when contract_date > date '2026-04-20' and dice < 80 then 'OPEN'
        when dice < 85 then 'CLOSED'
        else 'TERMINATED'
    end;

update bench.deal
set
    state = case
        when lifecycle_group = 'TERMINATED' then 'TERMINATED'
        when is_listing and lifecycle_group = 'OPEN' then 'LISTING_ACTIVE'
        when is_listing then 'LISTING_CLOSED'
        when lifecycle_group = 'OPEN' then 'COMMISSION_VALIDATED'
        else 'SETTLED'
    end;

create unlogged table bench.deal_view as
select deal.*, bench.connection(owner, 'rezen') as connection_id
from bench.deal
union all
select deal.*, bench.connection(1 + owner % {{connected}}, 'rezen') as connection_id
from bench.deal
where n % 33 = 0;

create or replace function bench.participants(deal bench.deal) returns jsonb
language sql immutable parallel safe
return (
    select jsonb_agg(jsonb_build_object(
        'id', bench.id('participant', deal.n * 20 + place),
        'participantRole', case
            when place = 1 and deal.is_listing then 'SELLERS_AGENT'
            when place = 1 then 'BUYERS_AGENT'
            when place = 2 then 'OTHER_AGENT'
            else (array[
                'SELLER', 'BUYER', 'TITLE', 'LENDER', 'ESCROW', 'BUYER', 'SELLER',
                'TRANSACTION_COORDINATOR', 'INSPECTION', 'ATTORNEY', 'APPRAISER'
            ])[place - 2]
        end,
        'yentaUserId', case
            when place = 1 then bench.id('agent', deal.owner)
            when place = 2 and deal.is_shared then bench.id('agent', deal.co_agent)
        end,
        'external', place > 2 or (place = 2 and not deal.is_shared),
        'firstName', bench.first_name(deal.n * 20 + place),
        'lastName', bench.last_name(deal.n * 20 + place),
        'company', case when place > 4 then 'Example ' || place || ' LLC' end,
        'emailAddress', 'party.' || deal.n || '.' || place || '@example.test',
        'phoneNumber', '5551' || lpad((deal.n % 1000000)::text, 6, '0'),
        'address', case when place in (3, 4) then bench.address(deal.n * 20 + place) end,
        'paidByReal', place = 1, 'payer', false, 'passThrough', false, 'personalDeal', false,
        'commissionDocumentRecipient', false, 'paidViaBusinessEntity', null,
        'payment', case
            when place = 1 then jsonb_build_object(
                'amount', bench.money(round(deal.price * 0.025, 2)), 'percent', 100
            )
        end,
        'createdAt', extract(epoch from deal.contract_date)::bigint * 1000 + place,
        'updatedAt', extract(epoch from deal.read_at)::bigint * 1000
    ))
    from generate_series(1, 12 + (bench.pick(deal.n, 17, 10) < 7)::int) as place
);

create or replace function bench.splits(deal bench.deal) returns jsonb
language sql immutable parallel safe
return case
    when deal.is_shared then jsonb_build_array(
        jsonb_build_object(
            'participantId', bench.id('participant', deal.n * 20 + 1),
            'yentaId', bench.id('agent', deal.owner),
            'amount', bench.money(
                round(deal.price * 0.025, 2) - round(deal.price * 0.005, 2)
            ),
            'percentage', '{"string": "80.00%"}'::jsonb
        ),
        jsonb_build_object(
            'participantId', bench.id('participant', deal.n * 20 + 2),
            'yentaId', bench.id('agent', deal.co_agent),
            'amount', bench.money(round(deal.price * 0.005, 2)),
            'percentage', '{"string": "20.00%"}'::jsonb
        )
    )
    else jsonb_build_array(jsonb_build_object(
        'participantId', bench.id('participant', deal.n * 20 + 1),
        'yentaId', bench.id('agent', deal.owner),
        'amount', bench.money(round(deal.price * 0.025, 2)),
        'percentage', '{"string": "100.00%"}'::jsonb
    ))
end;

-- one after the other: transactions with their list, listings with theirs
create or replace procedure bench.insert_deals(of_listings boolean)
language plpgsql as $body$
declare
    kind text := case when of_listings then 'listing' else 'transaction' end;
    shared text := 'connection_id, _key, id, code, listing, transaction_type, property_type,
        representation, currency, closed, terminated, lifecycle_state, transaction_status,
        address, price_amount, price_currency, gross_commission_amount,
        gross_commission_currency, my_net_payout_amount, my_net_payout_currency,
        contract_acceptance_date, closing_date_estimated, closing_date_actual, closed_at,
        listing_date, created_at, updated_at, _row_hash, _synced_at';
    chosen text := '
        d.connection_id, bench.id(''deal'', d.n), bench.id(''deal'', d.n),
        upper(substr(md5(d.n::text), 1, 8)), d.is_listing, ''SALE'',
        bench.of_list(''{RESIDENTIAL,CONDO,LAND,COMMERCIAL}'', d.n, 18),
        case when d.is_listing or d.n % 2 = 0 then ''SELLER'' else ''BUYER'' end,
        ''USD'', d.lifecycle_group = ''CLOSED'', d.lifecycle_group = ''TERMINATED'', d.state,
        d.state, bench.address(d.n), d.price, ''USD'', round(d.price * 0.025, 2), ''USD'',
        case when not d.is_listing then round(d.price * 0.02, 2) end, ''USD'',
        case when not d.is_listing then d.contract_date end, d.contract_date + 40,
        case when d.lifecycle_group = ''CLOSED'' then d.contract_date + 38 end,
        case when d.lifecycle_group = ''CLOSED'' then d.contract_date + interval ''39 days'' end,
        case when d.is_listing then d.contract_date end, d.contract_date::timestamptz,
        d.read_at, md5(d.connection_id || d.n), d.read_at';
begin
    execute format(
        'insert into raw_rezen.%I (%s, lifecycle_group)
        select %s, d.lifecycle_group from bench.deal_view as d where d.is_listing = %L',
        kind || '_list', shared, chosen, of_listings
    );
    execute format(
        'insert into raw_rezen.%I (
            %s, sale_commission_percent, compliance_status, listing_expiration_date,
            rezen_closed_at, office, team_id, transaction_owner, lead_source, personal_deal,
            journey_id, participants, other_participants, paid_participants, commission_splits
        )
        select
            %s, 2.5, ''COMPLIANT'', case when d.is_listing then d.contract_date + 180 end,
            case when d.lifecycle_group = ''CLOSED'' then d.contract_date + interval ''39 days'' end,
            jsonb_build_object(''id'', bench.id(''office'', d.n %% 9), ''name'', ''Real''),
            case when d.n %% 3 = 0 then bench.id(''team'', d.owner %% 20) end,
            jsonb_build_object(''id'', bench.id(''agent'', d.owner)),
            jsonb_build_object(''name'', bench.of_list(
                ''{Website,Referral,Sphere,Open House,Portal}'', d.n, 19
            )),
            false, bench.id(''journey'', d.n),
            bench.participants(p), ''[]'', jsonb_build_array(jsonb_build_object(
                ''participantId'', bench.id(''participant'', d.n * 20 + 1),
                ''yentaId'', bench.id(''agent'', d.owner),
                ''paymentAmount'', bench.money(round(d.price * 0.025, 2)),
                ''participantRole'', ''BUYERS_AGENT'', ''paidByReal'', true
            )),
            bench.splits(p)
        from bench.deal_view as d
        inner join bench.deal as p on p.n = d.n
        where d.is_listing = %L',
        kind || 's', shared, chosen, of_listings
    );
end
$body$;

call bench.insert_deals(false);
call bench.insert_deals(true);

insert into raw_rezen.tombstones (connection_id, _key, entity, row_key, deleted_at)
select
    connection_id, entity || '|' || row_key, entity, row_key, deleted_at
from (
    select
        connection_id,
        unnest(array['transaction_list', 'transactions']) as entity,
        bench.id('deal', n) as row_key,
        read_at + interval '1 minute' as deleted_at
    from bench.deal_view
    where not is_listing and n % 97 = 5
) as gone;

-- reZEN: what members of the down-lines yield their owners

create unlogged table bench.contribution as
select
    k,
    members.owner,
    members.member,
    members.tier,
    1 + bench.pick(k, 20, {{deals}}) as deal,
    3000 + 10 * bench.pick(k, 21, 1500)::numeric as base,
    timestamptz '{{now}}' - make_interval(secs => bench.pick(k, 22, 157000000)) as earned_at
from generate_series(1::bigint, {{contributions}}) as k
inner join bench.down_line as members
    on members.number = 1 + bench.pick(k, 23, (select count(*) from bench.down_line));

alter table bench.contribution add column payout numeric, add column payment text;

update bench.contribution
set
    payout = round(base * (array[0.05, 0.04, 0.03, 0.02, 0.01])[tier], 2),
    payment = case
        when earned_at < timestamptz '2026-05-01'
            then
                md5('payment' || owner || to_char(earned_at at time zone 'UTC', 'YYYY-MM'))
                ::uuid::text
    end;

insert into raw_rezen.revshare_payment_contributions (
    connection_id, _key, id, agent_yenta_id, agent_name, tier, payout_amount, payout_currency,
    contribution_base_amount, contribution_base_currency, transaction_id, transaction_code,
    transaction_type, transaction_status, closing_date, earned_at, status, missed,
    outgoing_payment_id, payment_id, row_key, _row_hash, _synced_at
)
select
    bench.connection(owner, 'rezen'), payment || '|' || bench.id('contribution', k),
    bench.id('contribution', k), bench.id('agent', member),
    bench.first_name(member) || ' ' || bench.last_name(member), tier, payout, 'USD', base, 'USD',
    bench.id('deal', deal), upper(substr(md5(deal::text), 1, 8)), 'SALE', 'SETTLED',
    (earned_at at time zone 'America/New_York')::date, earned_at, 'PAID', false, payment, payment,
    bench.id('contribution', k), md5(k::text), bench.read_at(k)
from bench.contribution
where payment is not null;

insert into raw_rezen.revshare_pending (
    connection_id, _key, id, agent_yenta_id, agent_name, tier, payout_amount, payout_currency,
    contribution_base_amount, contribution_base_currency, transaction_id, transaction_code,
    transaction_type, transaction_status, closing_date, earned_at, status, missed, row_key,
    _row_hash, _synced_at
)
select
    bench.connection(owner, 'rezen'), bench.id('contribution', k), bench.id('contribution', k),
    bench.id('agent', member), bench.first_name(member) || ' ' || bench.last_name(member), tier,
    payout, 'USD', base, 'USD', bench.id('deal', deal), upper(substr(md5(deal::text), 1, 8)),
    'SALE', 'SETTLED', (earned_at at time zone 'America/New_York')::date, earned_at, 'PENDING',
    false, bench.id('contribution', k), md5(k::text), bench.read_at(k)
from bench.contribution
where payment is null;

insert into raw_rezen.revshare_payments (
    connection_id, _key, id, amount_amount, amount_currency, status, paid_at, period_start,
    period_end, method, reference, _row_hash, _synced_at
)
select
    bench.connection(owner, 'rezen'), payment, payment, sum(payout), 'USD', 'PAID',
    date_trunc('month', min(earned_at)) + interval '1 month 14 days',
    date_trunc('month', min(earned_at))::date,
    (date_trunc('month', min(earned_at)) + interval '1 month - 1 day')::date, 'ACH',
    substr(payment, 1, 8), md5(payment), timestamptz '{{now}}' - interval '1 day'
from bench.contribution
where payment is not null
group by owner, payment;

insert into raw_rezen.revshare_contributors (
    connection_id, _key, tier, window_start, window_end, agent_yenta_id, agent_name,
    total_payout_amount, total_payout_currency, transaction_count, capped, _row_hash, _synced_at
)
select
    bench.connection(owner, 'rezen'), tier || '|' || month || '|' || bench.id('agent', member),
    tier, month, (month + interval '1 month - 1 day')::date, bench.id('agent', member),
    bench.first_name(member) || ' ' || bench.last_name(member), sum(payout), 'USD', count(*),
    false, md5(owner || '|' || member || month::text), timestamptz '{{now}}' - interval '1 day'
from bench.contribution
cross join lateral (
    select date_trunc('month', earned_at at time zone 'America/New_York')::date as month
) as months
where month >= date '2025-06-01'
group by owner, tier, month, member;

insert into raw_rezen.revshare_by_tier (
    connection_id, _key, tier, window_start, window_end, amount_amount, amount_currency,
    contributor_count, unlocked, _row_hash, _synced_at
)
select
    bench.connection(owner, 'rezen'), tier || '|' || month, tier, month,
    (month + interval '1 month - 1 day')::date, sum(payout), 'USD', count(distinct member),
    true, md5(owner || '|' || tier || month::text), timestamptz '{{now}}' - interval '1 day'
from bench.contribution
cross join lateral (
    select date_trunc('month', earned_at at time zone 'America/New_York')::date as month
) as months
where month >= date '2025-06-01'
group by owner, tier, month;

-- Follow Up Boss: accounts with twenty users; the first accounts are connected twice

insert into raw_fub.identity (
    connection_id, _key, account_id, account_domain, account_name, owner_name, user_id,
    user_name, user_email, user_role, is_owner, is_admin, sees_all, _row_hash, _synced_at
)
select
    bench.connection(n, 'fub'), bench.account_of(n), bench.account_of(n), 'example',
    'Account ' || bench.account_of(n), 'Owner', '1', bench.first_name(n),
    'agent.' || n || '@example.test', 'Broker', n <= {{accounts}}, true, n <= {{accounts}},
    md5(n::text), timestamptz '{{now}}' - interval '1 hour'
from generate_series(1, {{crm_connections}}) as n;

insert into raw_fub.users (
    connection_id, _key, id, created, updated, name, first_name, last_name, email, role,
    is_owner, status, timezone, team_ids, team_leader_of, _row_hash, _synced_at
)
select
    bench.connection(n, 'fub'), u::text, u::text, bench.read_at(u), bench.read_at(u),
    bench.first_name(n * 100 + u) || ' ' || bench.last_name(n * 100 + u),
    bench.first_name(n * 100 + u), bench.last_name(n * 100 + u),
    'agent.' || (bench.account_of(n)::bigint - 1000 + (u - 1) * {{accounts}}) || '@example.test',
    case when u = 1 then 'Broker' else 'Agent' end, u = 1, 'Active', 'America/Denver', '[]', '[]',
    md5(n || '|' || u), timestamptz '{{now}}' - interval '1 hour'
from generate_series(1, {{crm_connections}}) as n
cross join generate_series(1, 20) as u;

insert into raw_fub.stages (
    connection_id, _key, id, name, order_weight, is_protected, people_count, _row_hash, _synced_at
)
select
    bench.connection(n, 'fub'), s::text, s::text,
    (array['Lead', 'Hot Prospect', 'Nurture', 'Active Client', 'Closed', 'Trash'])[s], s * 1000,
    false, 0, md5(n || '|' || s), timestamptz '{{now}}' - interval '8 hours'
from generate_series(1, {{crm_connections}}) as n
cross join generate_series(1, 6) as s;

insert into raw_fub.pipelines (
    connection_id, _key, id, name, order_weight, stages, _row_hash, _synced_at
)
select
    bench.connection(n, 'fub'), '1', '1', 'Buyers', 1000,
    '[{"id": 1, "name": "Offer", "closedStage": false},
      {"id": 2, "name": "Under Contract", "closedStage": false},
      {"id": 3, "name": "Closed", "closedStage": true}]',
    md5(n::text), timestamptz '{{now}}' - interval '8 hours'
from generate_series(1, {{crm_connections}}) as n;

-- a person of the same account as row n
create or replace function bench.person_of(n bigint, purpose int) returns text
language sql immutable parallel safe
return (n % {{accounts}} + {{accounts}} * (1 + bench.pick(n, purpose, {{people}} / {{accounts}} - 1)))
::text;

-- a row of an account as each of its connections shows it: the second one a tenth
create or replace function bench.seen(n bigint) returns setof text
language sql immutable parallel safe rows 1
begin atomic
select bench.connection(1 + n % {{accounts}}, 'fub')
union all
select bench.connection({{accounts}} + 1 + n % {{accounts}}, 'fub')
where n % {{accounts}} < {{crm_connections}} - {{accounts}} and n % 10 = 0;
end;

drop index raw_fub.people_by_key, raw_fub.calls_by_key;

insert into raw_fub.people (
    connection_id, _key, id, created, updated, created_via, last_activity, name, first_name,
    last_name, stage, stage_id, type, source, source_id, contacted, price, assigned_to,
    assigned_user_id, tags, emails, phones, addresses, website_visits, claimed, background,
    collaborators, relationships, _custom, _row_hash, _synced_at
)
select
    connection_id, n::text, n::text, bench.read_at(n) - make_interval(days => (n % 700)::int),
    bench.read_at(n), bench.of_list('{API,Email Parsing,Import,Manually}', n, 24),
    bench.read_at(n + 1), bench.first_name(n) || ' ' || bench.last_name(n), bench.first_name(n),
    bench.last_name(n), (array['Lead', 'Hot Prospect', 'Nurture', 'Active Client', 'Closed', 'Trash'])
    [1 + bench.pick(n, 25, 6)], (1 + bench.pick(n, 25, 6))::text,
    bench.of_list('{Buyer,Seller,Renter}', n, 26),
    bench.of_list('{Website,Referral,Portal,Open House,Sphere,Import,Sign Call}', n, 27),
    (1 + bench.pick(n, 27, 7))::text, bench.pick(n, 28, 2), 100000 + 500 * bench.pick(n, 29, 2500),
    'User ' || 1 + bench.pick(n, 30, 20), (1 + bench.pick(n, 30, 20))::text,
    case bench.pick(n, 61, 3)
        when 0 then '[]'
        when 1 then jsonb_build_array(bench.of_list('{vip,relocation,investor}', n, 31))
        else jsonb_build_array('newsletter', bench.of_list('{buyer,seller}', n, 32))
    end,
    jsonb_build_array(jsonb_build_object(
        'value', 'person.' || n || '@example.test', 'type', 'home', 'status', 'Valid', 'isPrimary', 1
    )),
    case when n % 5 > 0 then jsonb_build_array(jsonb_build_object(
        'value', '555' || n, 'normalized', '555' || n, 'type', 'mobile', 'status', 'Valid',
        'isPrimary', 1
    )) else '[]' end,
    '[]', n % 30, true, 'Prefers three bedrooms and a garage', '[]', '[]',
    jsonb_build_object('customHeat', bench.of_list('{Cold,Warm,Hot}', n, 33)),
    md5(n::text), bench.read_at(n)
from generate_series(1::bigint, {{people}}) as n
cross join lateral bench.seen(n) as connection_id;

insert into raw_fub.calls (
    connection_id, _key, id, created, updated, created_by_id, person_id, relationship_id, name,
    first_name, last_name, user_id, user_name, phone, from_number, to_number, is_incoming,
    duration, started_at, outcome, note, _row_hash, _synced_at
)
select
    connection_id, n::text, n::text, bench.read_at(n) - interval '5 minutes', bench.read_at(n),
    '1', bench.person_of(n, 34),
    '0', bench.first_name(n) || ' ' || bench.last_name(n), bench.first_name(n), bench.last_name(n),
    (1 + bench.pick(n, 35, 20))::text, 'User ' || 1 + bench.pick(n, 35, 20),
    '555' || n, '5550102001', '555' || n, n % 4 = 0, bench.pick(n, 36, 600),
    bench.read_at(n) - interval '10 minutes',
    bench.of_list('{No Answer,Left Message,Interested,Not Interested,Busy}', n, 37), null,
    md5(n::text), bench.read_at(n)
from generate_series(1::bigint, {{calls}}) as n
cross join lateral bench.seen(n) as connection_id;

create unique index people_by_key on raw_fub.people (connection_id, _key);
create unique index calls_by_key on raw_fub.calls (connection_id, _key);

-- one in a hundred is gone
insert into raw_fub.tombstones (connection_id, _key, entity, row_key, deleted_at)
select connection_id, 'people|' || _key, 'people', _key, _synced_at + interval '1 minute'
from raw_fub.people
where _key::bigint % 97 = 5
union all
select connection_id, 'calls|' || _key, 'calls', _key, _synced_at + interval '1 minute'
from raw_fub.calls
where _key::bigint % 97 = 5;

insert into raw_fub.events (
    connection_id, _key, id, created, updated, occurred, person_id, type, source, page_title,
    page_duration, property, _row_hash, _synced_at
)
select
    connection_id, n::text, n::text, bench.read_at(n), bench.read_at(n), bench.read_at(n),
    bench.person_of(n, 38),
    bench.of_list('{Registration,Viewed Property,Saved Property,Inquiry}', n, 39),
    bench.of_list('{Website,Portal,Open House}', n, 40), 'Home', n % 90,
    jsonb_build_object('street', n || ' Demo Court', 'city', 'Bend', 'price', '500000'),
    md5(n::text), bench.read_at(n)
from generate_series(1::bigint, {{events}}) as n
cross join lateral bench.seen(n) as connection_id;

insert into raw_fub.text_messages (
    connection_id, _key, id, created, updated, sent, person_id, user_id, user_name, message,
    status, delivery_status, is_incoming, _row_hash, _synced_at
)
select
    connection_id, n::text, n::text, bench.read_at(n), bench.read_at(n), bench.read_at(n),
    bench.person_of(n, 41), (1 + bench.pick(n, 42, 20))::text, 'User',
    'Shall we look at the house on Example Street?', 'Sent', 'delivered', n % 3 = 0,
    md5(n::text), bench.read_at(n)
from generate_series(1::bigint, {{texts}}) as n
cross join lateral bench.seen(n) as connection_id;

insert into raw_fub.appointments (
    connection_id, _key, id, created, updated, created_by_id, title, start, "end", all_day,
    origin_fub, invitees, type, outcome, _row_hash, _synced_at
)
select
    connection_id, n::text, n::text, bench.read_at(n), bench.read_at(n),
    (1 + bench.pick(n, 43, 20))::text, 'Showing', bench.read_at(n), bench.read_at(n), false, true,
    jsonb_build_array(jsonb_build_object(
        'userId', 1 + bench.pick(n, 43, 20), 'personId', bench.person_of(n, 44),
        'name', bench.first_name(n)
    )),
    'Showing', 'Held', md5(n::text), bench.read_at(n)
from generate_series(1::bigint, {{appointments}}) as n
cross join lateral bench.seen(n) as connection_id;

insert into raw_fub.deals (
    connection_id, _key, id, name, status, price, created_at, entered_stage_at, pipeline_id,
    pipeline_name, stage_id, stage_name, projected_close_date, commission_value, people, users,
    _row_hash, _synced_at
)
select
    connection_id, n::text, n::text, n || ' Example Street', 'Active',
    100000 + 500 * bench.pick(n, 45, 2500), bench.read_at(n) - interval '30 days',
    bench.read_at(n), '1', 'Buyers', (1 + bench.pick(n, 46, 3))::text,
    (array['Offer', 'Under Contract', 'Closed'])[1 + bench.pick(n, 46, 3)], date '2026-08-01',
    9000, jsonb_build_array(jsonb_build_object(
        'id', bench.person_of(n, 47), 'name', bench.first_name(n)
    )),
    jsonb_build_array(jsonb_build_object('id', 1 + bench.pick(n, 48, 20), 'name', 'User')),
    md5(n::text), bench.read_at(n)
from generate_series(1::bigint, {{crm_deals}}) as n
cross join lateral bench.seen(n) as connection_id;

-- what the syncs said about it
call bench.mark('rezen', timestamptz '{{now}}' - interval '2 minutes');
call bench.mark('fub', timestamptz '{{now}}' - interval '2 minutes');
