{#-
    Run after a build: says that a part of the project does not count as a run, where to look when a
    seed is at fault, how many rows were refused; warns of what makes scores meaningless though
    nothing failed: an input of which no row was accepted, features.csv that knows nothing of what is
    used, parents in a cycle, usage that ends long before the as-of date.
-#}
{% macro report_run_warnings(results) -%}
    {%- set built_nodes = [] -%}
    {%- for result in results if result.node.resource_type in ['model', 'seed'] -%}
        {%- do built_nodes.append(result.node.name) -%}
    {%- endfor -%}
    {%- if built_nodes and is_unchanged_run() -%}
        {%- set nothing = 'Nothing is new since the last run: every table stays as it is.' -%}
        {#- --quiet hides what is logged, not what is printed. -#}
        {%- do print(nothing) if flags.QUIET else log(nothing, info=true) -%}
    {%- elif built_nodes and is_empty_run() -%}
        {%- do log('Built without rows (--empty): the next run makes every table anew.', info=true) -%}
    {%- elif built_nodes and is_partial_run() -%}
        {%- do log(
            'Only a part was built: the next run of the whole project makes every kept table anew.',
            info=true
        ) -%}
    {%- endif -%}
    {%- set of_seeds = [] -%}
    {%- for result in results if result.status in ('error', 'fail') -%}
        {%- set node = result.node -%}
        {%- set looked_at = [node.unique_id] if node.resource_type == 'seed' else
            node.depends_on.nodes if node.resource_type == 'test' else [] -%}
        {%- set others = [] -%}
        {%- for name in looked_at if not name.startswith('seed.') -%}
            {%- do others.append(name) -%}
        {%- endfor -%}
        {%- if looked_at and not others -%}
            {%- do of_seeds.append(node.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if of_seeds -%}
        {%- do log(
            'Something in seeds/scoring does not add up; the last good scores stay, and what'
            ~ ' follows from them. Which file, row and column: customer-health validate',
            info=true
        ) -%}
    {%- endif -%}
    {%- set built = {} -%}
    {%- for result in results if result.status == 'success' and not is_empty_run() -%}
        {%- do built.update({result.node.name: result.node.relation_name}) -%}
    {%- endfor -%}
    {%- if execute and 'source_reconciliation' in built -%}
        {%- for row in run_query(
            'select input, raw_rows, accepted_rows, rejected_rows, blanked_cells from '
            ~ built['source_reconciliation']
            ~ ' where rejected_rows + blanked_cells > 0 order by input'
        ) -%}
            {%- set text = row[0] ~ ': ' ~ row[3] ~ ' of ' ~ row[1] ~ ' rows rejected, ' ~ row[4]
                ~ ' cells blanked (see rejected_records)' -%}
            {%- if row[2] == 0 -%}
                {%- do exceptions.warn('No row of the input was accepted. ' ~ text) -%}
            {%- else -%}
                {%- do log(text, info=true) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if execute and 'usage_activity_daily' in built and 'features' in built -%}
        {%- set counts = run_query(
            'select count(*), count(features.feature) from (select distinct feature from '
            ~ built['usage_activity_daily'] ~ ') as used left join ' ~ built['features']
            ~ ' as features on used.feature = features.feature'
        )[0] -%}
        {%- if counts[0] > 0 and counts[1] == 0 -%}
            {%- do exceptions.warn(
                'None of the ' ~ counts[0] ~ ' features in usage_events is listed in'
                ~ ' seeds/scoring/features.csv: adoption scores 0 for every account. List them.'
            ) -%}
        {%- endif -%}
    {%- endif -%}
    {%- if execute and 'dim_accounts' in built -%}
        {%- set cut = run_query(
            'select count(*), min(account_id) from ' ~ built['dim_accounts']
            ~ ' where is_parent_cycle_cut'
        )[0] -%}
        {%- if cut[0] > 0 -%}
            {%- do exceptions.warn(
                cut[0] ~ ' accounts belong to themselves by way of their parents, the first is '
                ~ cut[1] ~ ': they are treated as having no parent (is_parent_cycle_cut in'
                ~ ' dim_accounts). Fix parent_account_id.'
            ) -%}
        {%- endif -%}
    {%- endif -%}
    {%- if execute and 'score_dates' in built -%}
        {%- for row in run_query(
            'select as_of_date, data_through from ' ~ built['score_dates']
            ~ ' where score_date = as_of_date'
        ) -%}
            {%- if row[1] and (row[0] - row[1]).days > 7 -%}
                {%- do exceptions.warn(
                    'Usage ends on ' ~ row[1] ~ ', ' ~ (row[0] - row[1]).days ~ ' days before the'
                    ~ ' as-of date ' ~ row[0] ~ ': accounts look idle that may not be.'
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
