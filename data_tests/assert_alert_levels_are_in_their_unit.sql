-- Protects: coverage_lost and storm compare shares, a percentage would always or never hold; a drop
-- by 0 points would be everybody; a storm is about all accounts and has no margin. A row is a rule
-- for which this is not so.
select rule
from {{ ref('alert_rules') }}
where
    (kind in ('coverage_lost', 'storm') and (level > 1 or reopen_margin > 1))
    or (kind = 'drops_by' and level = 0)
    or (kind = 'storm' and (segment <> '*' or cooldown_days <> 0 or reopen_margin <> 0))
