-- A quarter of an hour later: a few hundred rows that are new, changed or gone, read at {{now}}.

create temporary table moment as select timestamptz '{{now}}' - interval '3 minutes' as read_at;

-- people who were touched, also by the connection that does not show the newest copy
update raw_fub.people
set
    updated = read_at, last_activity = read_at, stage = 'Active Client', stage_id = '4',
    _row_hash = md5(_row_hash), _synced_at = read_at
from moment
where people._key in (
    select bench.pick(n, 101 + {{tick}}, {{people}})::text from generate_series(1, 150) as n
);

insert into raw_fub.calls (
    connection_id, _key, id, created, updated, person_id, name, user_id, user_name, is_incoming,
    duration, started_at, outcome, _row_hash, _synced_at
)
select
    bench.connection(1 + n % {{accounts}}, 'fub'), (100000000 * {{tick}} + n)::text, (100000000 * {{tick}} + n)::text,
    read_at, read_at, bench.person_of(n, 34), 'Somebody', (1 + n % 20)::text, 'User', n % 4 = 0, n,
    read_at, 'Interested', md5(n::text), read_at
from generate_series(1, 300) as n
cross join moment;

update raw_fub.calls
set updated = read_at, outcome = 'Interested', _row_hash = md5(_row_hash), _synced_at = read_at
from moment
where calls._key in (
    select bench.pick(n, 104 + {{tick}}, {{calls}})::text from generate_series(1, 60) as n
);

insert into raw_fub.events (
    connection_id, _key, id, created, updated, occurred, person_id, type, source, _row_hash,
    _synced_at
)
select
    bench.connection(1 + n % {{accounts}}, 'fub'), (100000000 * {{tick}} + n)::text, (100000000 * {{tick}} + n)::text,
    read_at, read_at, read_at, bench.person_of(n, 38), 'Inquiry', 'Website', md5(n::text), read_at
from generate_series(1, 100) as n
cross join moment;

-- rows that are gone
insert into raw_fub.tombstones (connection_id, _key, entity, row_key, deleted_at)
select
    connection_id, entity || '|' || _key, entity, _key, read_at
from (
    select connection_id, _key, 'people' as entity from raw_fub.people where _key like '77{{tick}}%' limit 20
) as gone
cross join moment
union all
select
    connection_id, entity || '|' || _key, entity, _key, read_at
from (
    select connection_id, _key, 'calls' as entity from raw_fub.calls where _key like '777{{tick}}%' limit 20
) as gone
cross join moment
on conflict (connection_id, _key) do update set deleted_at = excluded.deleted_at;

-- deals that closed, in the list and in detail
create temporary table closed_deal as
select connection_id, _key
from raw_rezen.transaction_list
where lifecycle_group = 'OPEN'
order by _key
limit 40;

update raw_rezen.transaction_list as rows
set
    lifecycle_group = 'CLOSED', lifecycle_state = 'SETTLED', transaction_status = 'SETTLED',
    closed = true, closing_date_actual = read_at::date, closed_at = read_at, updated_at = read_at,
    _row_hash = md5(rows._row_hash), _synced_at = read_at
from closed_deal, moment
where rows.connection_id = closed_deal.connection_id and rows._key = closed_deal._key;

update raw_rezen.transactions as rows
set
    lifecycle_state = 'SETTLED', transaction_status = 'SETTLED', closed = true,
    closing_date_actual = read_at::date, closed_at = read_at, updated_at = read_at,
    _row_hash = md5(rows._row_hash), _synced_at = read_at
from closed_deal, moment
where rows.connection_id = closed_deal.connection_id and rows._key = closed_deal._key;

call bench.mark('rezen', timestamptz '{{now}}' - interval '2 minutes');
call bench.mark('fub', timestamptz '{{now}}' - interval '2 minutes');
