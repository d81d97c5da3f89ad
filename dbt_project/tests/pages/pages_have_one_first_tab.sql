-- every page opens on exactly one tab
select
    pages.page_id,
    count(tabs.page_tab_id) as first_tabs
from {{ ref("page") }} as pages
left join {{ ref("page_tab") }} as tabs
    on pages.page_id = tabs.page_id and tabs.is_default
group by pages.page_id
having count(tabs.page_tab_id) <> 1
