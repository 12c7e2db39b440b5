{#-
    Write down the state of this run: at its start the raw files, which have been read and found
    readable, and that it is not finished; at its end, if all models and seeds ran and nothing
    failed, that it is, and by which code. A run with --empty leaves tables that no run can go on from.
-#}
{% macro write_run_record(results=none) -%}
    {%- set inputs = run_inputs() -%}
    {%- if is_unchanged_run() -%}{{ return('') }}{%- endif -%}
    {%- set record = run_record() -%}
    {%- set is_kept = record.row and record.row.code == inputs.code and not is_partial_run() -%}
    {%- set code = 'empty' if is_empty_run() else inputs.code if is_kept else '' -%}
    {%- set is_finished = false -%}
    {%- if results is not none -%}
        {%- if is_empty_run() -%}{{ return('') }}{%- endif -%}
        {%- set done, failed = [], [] -%}
        {%- for result in results -%}
            {%- do done.append(result.node.unique_id) -%}
            {%- if result.status in ('error', 'fail', 'skipped', 'runtime error') -%}
                {%- do failed.append(result.node.unique_id) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for node in graph.nodes.values() -%}
            {%- if node.resource_type in ('model', 'seed') and node.unique_id not in done -%}
                {%- do failed.append(node.unique_id) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if failed -%}{{ return('') }}{%- endif -%}
        {#- What changed while the run went on may or may not be in the tables. -#}
        {%- if run_inputs('end') != inputs -%}{{ return('') }}{%- endif -%}
        {%- set code, is_finished = inputs.code, true -%}
    {%- endif -%}
    {%- do adapter.create_schema(record.relation) -%}
    {%- do replace_table(
        record.relation,
        "select '" ~ inputs.raw_files | replace("'", "''") ~ "' as raw_files, '" ~ code
        ~ "' as code, '" ~ run_configuration(inputs) ~ "' as configuration, " ~ is_finished
        ~ ' as is_finished'
    ) -%}
{%- endmacro %}
