/** Reads a Postgres error by its SQLSTATE. What no table knows is nobody's to judge. */
import type { Meaning } from "../dialect.js";

/** What Postgres' error codes mean for a write: one row for each code of the PostgreSQL documentation's appendix A.
 * In capitals the code of a fatal failure; else why it is retryable.
 */
export const sqlstates: readonly (readonly [code: string, condition: string, meaning: Meaning])[] =
  [
    // 00: successful completion
    ["00000", "successful_completion", "other"],
    // 01: warning
    ["01000", "warning", "other"],
    ["0100C", "dynamic_result_sets_returned", "other"],
    ["01008", "implicit_zero_bit_padding", "other"],
    ["01003", "null_value_eliminated_in_set_function", "other"],
    ["01007", "privilege_not_granted", "other"],
    ["01006", "privilege_not_revoked", "other"],
    ["01004", "string_data_right_truncation", "other"],
    ["01P01", "deprecated_feature", "other"],
    // 02: no data
    ["02000", "no_data", "other"],
    ["02001", "no_additional_dynamic_result_sets_returned", "other"],
    // 03: sql statement not yet complete
    ["03000", "sql_statement_not_yet_complete", "other"],
    // 08: connection exception
    ["08000", "connection_exception", "outage"],
    ["08003", "connection_does_not_exist", "outage"],
    ["08006", "connection_failure", "outage"],
    ["08001", "sqlclient_unable_to_establish_sqlconnection", "outage"],
    ["08004", "sqlserver_rejected_establishment_of_sqlconnection", "outage"],
    ["08007", "transaction_resolution_unknown", "outage"],
    ["08P01", "protocol_violation", "outage"],
    // 09: triggered action exception
    ["09000", "triggered_action_exception", "other"],
    // 0A: feature not supported
    ["0A000", "feature_not_supported", "schema"],
    // 0B: invalid transaction initiation
    ["0B000", "invalid_transaction_initiation", "other"],
    // 0F: locator exception
    ["0F000", "locator_exception", "other"],
    ["0F001", "invalid_locator_specification", "other"],
    // 0L: invalid grantor
    ["0L000", "invalid_grantor", "other"],
    ["0LP01", "invalid_grant_operation", "other"],
    // 0P: invalid role specification
    ["0P000", "invalid_role_specification", "other"],
    // 0Z: diagnostics exception
    ["0Z000", "diagnostics_exception", "other"],
    ["0Z002", "stacked_diagnostics_accessed_without_active_handler", "other"],
    // 10: xquery error
    ["10608", "invalid_argument_for_xquery", "other"],
    // 20: case not found
    ["20000", "case_not_found", "other"],
    // 21: cardinality violation
    ["21000", "cardinality_violation", "other"],
    // 22: data exception
    ["22000", "data_exception", "INVALID_DATA"],
    ["2202E", "array_subscript_error", "INVALID_DATA"],
    ["22021", "character_not_in_repertoire", "INVALID_DATA"],
    ["22008", "datetime_field_overflow", "INVALID_DATA"],
    ["22012", "division_by_zero", "INVALID_DATA"],
    ["22005", "error_in_assignment", "INVALID_DATA"],
    ["2200B", "escape_character_conflict", "INVALID_DATA"],
    ["22022", "indicator_overflow", "INVALID_DATA"],
    ["22015", "interval_field_overflow", "INVALID_DATA"],
    ["2201E", "invalid_argument_for_logarithm", "INVALID_DATA"],
    ["22014", "invalid_argument_for_ntile_function", "INVALID_DATA"],
    ["22016", "invalid_argument_for_nth_value_function", "INVALID_DATA"],
    ["2201F", "invalid_argument_for_power_function", "INVALID_DATA"],
    ["2201G", "invalid_argument_for_width_bucket_function", "INVALID_DATA"],
    ["22018", "invalid_character_value_for_cast", "INVALID_DATA"],
    ["22007", "invalid_datetime_format", "INVALID_DATA"],
    ["22019", "invalid_escape_character", "INVALID_DATA"],
    ["2200D", "invalid_escape_octet", "INVALID_DATA"],
    ["22025", "invalid_escape_sequence", "INVALID_DATA"],
    ["22P06", "nonstandard_use_of_escape_character", "INVALID_DATA"],
    ["22010", "invalid_indicator_parameter_value", "INVALID_DATA"],
    ["22023", "invalid_parameter_value", "INVALID_DATA"],
    ["22013", "invalid_preceding_or_following_size", "INVALID_DATA"],
    ["2201B", "invalid_regular_expression", "INVALID_DATA"],
    ["2201W", "invalid_row_count_in_limit_clause", "INVALID_DATA"],
    ["2201X", "invalid_row_count_in_result_offset_clause", "INVALID_DATA"],
    ["2202H", "invalid_tablesample_argument", "INVALID_DATA"],
    ["2202G", "invalid_tablesample_repeat", "INVALID_DATA"],
    ["22009", "invalid_time_zone_displacement_value", "INVALID_DATA"],
    ["2200C", "invalid_use_of_escape_character", "INVALID_DATA"],
    ["2200G", "most_specific_type_mismatch", "INVALID_DATA"],
    ["22004", "null_value_not_allowed", "INVALID_DATA"],
    ["22002", "null_value_no_indicator_parameter", "INVALID_DATA"],
    ["22003", "numeric_value_out_of_range", "INVALID_DATA"],
    ["2200H", "sequence_generator_limit_exceeded", "INVALID_DATA"],
    ["22026", "string_data_length_mismatch", "INVALID_DATA"],
    ["22001", "string_data_right_truncation", "INVALID_DATA"],
    ["22011", "substring_error", "INVALID_DATA"],
    ["22027", "trim_error", "INVALID_DATA"],
    ["22024", "unterminated_c_string", "INVALID_DATA"],
    ["2200F", "zero_length_character_string", "INVALID_DATA"],
    ["22P01", "floating_point_exception", "INVALID_DATA"],
    ["22P02", "invalid_text_representation", "INVALID_DATA"],
    ["22P03", "invalid_binary_representation", "INVALID_DATA"],
    ["22P04", "bad_copy_file_format", "INVALID_DATA"],
    ["22P05", "untranslatable_character", "INVALID_DATA"],
    ["22P07", "datum_version_mismatch", "INVALID_DATA"],
    ["2200L", "not_an_xml_document", "INVALID_DATA"],
    ["2200M", "invalid_xml_document", "INVALID_DATA"],
    ["2200N", "invalid_xml_content", "INVALID_DATA"],
    ["2200S", "invalid_xml_comment", "INVALID_DATA"],
    ["2200T", "invalid_xml_processing_instruction", "INVALID_DATA"],
    ["22030", "duplicate_json_object_key_value", "INVALID_DATA"],
    ["22031", "invalid_argument_for_sql_json_datetime_function", "INVALID_DATA"],
    ["22032", "invalid_json_text", "INVALID_DATA"],
    ["22033", "invalid_sql_json_subscript", "INVALID_DATA"],
    ["22034", "more_than_one_sql_json_item", "INVALID_DATA"],
    ["22035", "no_sql_json_item", "INVALID_DATA"],
    ["22036", "non_numeric_sql_json_item", "INVALID_DATA"],
    ["22037", "non_unique_keys_in_a_json_object", "INVALID_DATA"],
    ["22038", "singleton_sql_json_item_required", "INVALID_DATA"],
    ["22039", "sql_json_array_not_found", "INVALID_DATA"],
    ["2203A", "sql_json_member_not_found", "INVALID_DATA"],
    ["2203B", "sql_json_number_not_found", "INVALID_DATA"],
    ["2203C", "sql_json_object_not_found", "INVALID_DATA"],
    ["2203D", "too_many_json_array_elements", "INVALID_DATA"],
    ["2203E", "too_many_json_object_members", "INVALID_DATA"],
    ["2203F", "sql_json_scalar_required", "INVALID_DATA"],
    ["2203G", "sql_json_item_cannot_be_cast_to_target_type", "INVALID_DATA"],
    // 23: integrity constraint violation
    ["23000", "integrity_constraint_violation", "CONSTRAINT_VIOLATION"],
    ["23001", "restrict_violation", "FOREIGN_KEY_VIOLATION"],
    ["23502", "not_null_violation", "NOT_NULL_VIOLATION"],
    ["23503", "foreign_key_violation", "FOREIGN_KEY_VIOLATION"],
    ["23505", "unique_violation", "UNIQUE_VIOLATION"],
    ["23514", "check_violation", "CHECK_VIOLATION"],
    ["23P01", "exclusion_violation", "CONSTRAINT_VIOLATION"],
    // 24: invalid cursor state
    ["24000", "invalid_cursor_state", "other"],
    // 25: invalid transaction state
    ["25000", "invalid_transaction_state", "other"],
    ["25001", "active_sql_transaction", "other"],
    ["25002", "branch_transaction_already_active", "other"],
    ["25008", "held_cursor_requires_same_isolation_level", "other"],
    ["25003", "inappropriate_access_mode_for_branch_transaction", "other"],
    ["25004", "inappropriate_isolation_level_for_branch_transaction", "other"],
    ["25005", "no_active_sql_transaction_for_branch_transaction", "other"],
    ["25006", "read_only_sql_transaction", "outage"],
    ["25007", "schema_and_data_statement_mixing_not_supported", "other"],
    ["25P01", "no_active_sql_transaction", "other"],
    ["25P02", "in_failed_sql_transaction", "other"],
    ["25P03", "idle_in_transaction_session_timeout", "outage"],
    ["25P04", "transaction_timeout", "outage"],
    // 26: invalid sql statement name
    ["26000", "invalid_sql_statement_name", "schema"],
    // 27: triggered data change violation
    ["27000", "triggered_data_change_violation", "other"],
    // 28: invalid authorization specification
    ["28000", "invalid_authorization_specification", "outage"],
    ["28P01", "invalid_password", "outage"],
    // 2B: dependent privilege descriptors still exist
    ["2B000", "dependent_privilege_descriptors_still_exist", "other"],
    ["2BP01", "dependent_objects_still_exist", "other"],
    // 2D: invalid transaction termination
    ["2D000", "invalid_transaction_termination", "other"],
    // 2F: sql routine exception
    ["2F000", "sql_routine_exception", "other"],
    ["2F005", "function_executed_no_return_statement", "other"],
    ["2F002", "modifying_sql_data_not_permitted", "other"],
    ["2F003", "prohibited_sql_statement_attempted", "other"],
    ["2F004", "reading_sql_data_not_permitted", "other"],
    // 34: invalid cursor name
    ["34000", "invalid_cursor_name", "other"],
    // 38: external routine exception
    ["38000", "external_routine_exception", "other"],
    ["38001", "containing_sql_not_permitted", "other"],
    ["38002", "modifying_sql_data_not_permitted", "other"],
    ["38003", "prohibited_sql_statement_attempted", "other"],
    ["38004", "reading_sql_data_not_permitted", "other"],
    // 39: external routine invocation exception
    ["39000", "external_routine_invocation_exception", "other"],
    ["39001", "invalid_sqlstate_returned", "other"],
    ["39004", "null_value_not_allowed", "other"],
    ["39P01", "trigger_protocol_violated", "other"],
    ["39P02", "srf_protocol_violated", "other"],
    ["39P03", "event_trigger_protocol_violated", "other"],
    // 3B: savepoint exception
    ["3B000", "savepoint_exception", "other"],
    ["3B001", "invalid_savepoint_specification", "other"],
    // 3D: invalid catalog name
    ["3D000", "invalid_catalog_name", "outage"],
    // 3F: invalid schema name
    ["3F000", "invalid_schema_name", "schema"],
    // 40: transaction rollback
    ["40000", "transaction_rollback", "other"],
    ["40002", "transaction_integrity_constraint_violation", "other"],
    ["40001", "serialization_failure", "contention"],
    ["40003", "statement_completion_unknown", "outage"],
    ["40P01", "deadlock_detected", "contention"],
    // 42: syntax error or access rule violation
    ["42000", "syntax_error_or_access_rule_violation", "other"],
    ["42601", "syntax_error", "other"],
    ["42501", "insufficient_privilege", "permission"],
    ["42846", "cannot_coerce", "schema"],
    ["42803", "grouping_error", "other"],
    ["42P20", "windowing_error", "other"],
    ["42P19", "invalid_recursion", "other"],
    ["42830", "invalid_foreign_key", "other"],
    ["42602", "invalid_name", "other"],
    ["42622", "name_too_long", "other"],
    ["42939", "reserved_name", "other"],
    ["42804", "datatype_mismatch", "schema"],
    ["42P18", "indeterminate_datatype", "other"],
    ["42P21", "collation_mismatch", "other"],
    ["42P22", "indeterminate_collation", "other"],
    ["42809", "wrong_object_type", "other"],
    ["428C9", "generated_always", "schema"],
    ["42703", "undefined_column", "schema"],
    ["42883", "undefined_function", "schema"],
    ["42P01", "undefined_table", "schema"],
    ["42P02", "undefined_parameter", "other"],
    ["42704", "undefined_object", "schema"],
    ["42701", "duplicate_column", "other"],
    ["42P03", "duplicate_cursor", "other"],
    ["42P04", "duplicate_database", "other"],
    ["42723", "duplicate_function", "other"],
    ["42P05", "duplicate_prepared_statement", "other"],
    ["42P06", "duplicate_schema", "other"],
    ["42P07", "duplicate_table", "other"],
    ["42712", "duplicate_alias", "other"],
    ["42710", "duplicate_object", "other"],
    ["42702", "ambiguous_column", "other"],
    ["42725", "ambiguous_function", "other"],
    ["42P08", "ambiguous_parameter", "other"],
    ["42P09", "ambiguous_alias", "other"],
    ["42P10", "invalid_column_reference", "schema"],
    ["42611", "invalid_column_definition", "other"],
    ["42P11", "invalid_cursor_definition", "other"],
    ["42P12", "invalid_database_definition", "other"],
    ["42P13", "invalid_function_definition", "other"],
    ["42P14", "invalid_prepared_statement_definition", "other"],
    ["42P15", "invalid_schema_definition", "other"],
    ["42P16", "invalid_table_definition", "other"],
    ["42P17", "invalid_object_definition", "other"],
    // 44: with check option violation
    ["44000", "with_check_option_violation", "CHECK_VIOLATION"],
    // 53: insufficient resources
    ["53000", "insufficient_resources", "outage"],
    ["53100", "disk_full", "outage"],
    ["53200", "out_of_memory", "outage"],
    ["53300", "too_many_connections", "outage"],
    ["53400", "configuration_limit_exceeded", "outage"],
    // 54: program limit exceeded
    ["54000", "program_limit_exceeded", "INVALID_DATA"],
    ["54001", "statement_too_complex", "INVALID_DATA"],
    ["54011", "too_many_columns", "other"],
    ["54023", "too_many_arguments", "other"],
    // 55: object not in prerequisite state
    ["55000", "object_not_in_prerequisite_state", "other"],
    ["55006", "object_in_use", "busy"],
    ["55P02", "cant_change_runtime_param", "other"],
    ["55P03", "lock_not_available", "busy"],
    ["55P04", "unsafe_new_enum_value_usage", "other"],
    // 57: operator intervention
    ["57000", "operator_intervention", "outage"],
    ["57014", "query_canceled", "other"],
    ["57P01", "admin_shutdown", "outage"],
    ["57P02", "crash_shutdown", "outage"],
    ["57P03", "cannot_connect_now", "outage"],
    ["57P04", "database_dropped", "outage"],
    ["57P05", "idle_session_timeout", "outage"],
    // 58: system error
    ["58000", "system_error", "outage"],
    ["58030", "io_error", "outage"],
    ["58P01", "undefined_file", "outage"],
    ["58P02", "duplicate_file", "outage"],
    ["58P03", "file_name_too_long", "outage"],
    // 72: snapshot failure
    ["72000", "snapshot_too_old", "contention"],
    // F0: configuration file error
    ["F0000", "config_file_error", "other"],
    ["F0001", "lock_file_exists", "other"],
    // HV: foreign data wrapper error
    ["HV000", "fdw_error", "other"],
    ["HV005", "fdw_column_name_not_found", "other"],
    ["HV002", "fdw_dynamic_parameter_value_needed", "other"],
    ["HV010", "fdw_function_sequence_error", "other"],
    ["HV021", "fdw_inconsistent_descriptor_information", "other"],
    ["HV024", "fdw_invalid_attribute_value", "other"],
    ["HV007", "fdw_invalid_column_name", "other"],
    ["HV008", "fdw_invalid_column_number", "other"],
    ["HV004", "fdw_invalid_data_type", "other"],
    ["HV006", "fdw_invalid_data_type_descriptors", "other"],
    ["HV091", "fdw_invalid_descriptor_field_identifier", "other"],
    ["HV00B", "fdw_invalid_handle", "other"],
    ["HV00C", "fdw_invalid_option_index", "other"],
    ["HV00D", "fdw_invalid_option_name", "other"],
    ["HV090", "fdw_invalid_string_length_or_buffer_length", "other"],
    ["HV00A", "fdw_invalid_string_format", "other"],
    ["HV009", "fdw_invalid_use_of_null_pointer", "other"],
    ["HV014", "fdw_too_many_handles", "other"],
    ["HV001", "fdw_out_of_memory", "other"],
    ["HV00P", "fdw_no_schemas", "other"],
    ["HV00J", "fdw_option_name_not_found", "other"],
    ["HV00K", "fdw_reply_handle", "other"],
    ["HV00Q", "fdw_schema_not_found", "other"],
    ["HV00R", "fdw_table_not_found", "other"],
    ["HV00L", "fdw_unable_to_create_execution", "other"],
    ["HV00M", "fdw_unable_to_create_reply", "other"],
    ["HV00N", "fdw_unable_to_establish_connection", "other"],
    // P0: pl/pgsql error
    ["P0000", "plpgsql_error", "other"],
    ["P0001", "raise_exception", "CONSTRAINT_VIOLATION"],
    ["P0002", "no_data_found", "other"],
    ["P0003", "too_many_rows", "other"],
    ["P0004", "assert_failure", "other"],
    // XX: internal error
    ["XX000", "internal_error", "other"],
    ["XX001", "data_corrupted", "outage"],
    ["XX002", "index_corrupted", "outage"],
  ];

/** For codes of an extension's, or a trigger's own, in a class whose meaning is the same throughout. */
export const classes: Readonly<Record<string, Meaning>> = {
  "08": "outage",
  "22": "INVALID_DATA",
  "23": "CONSTRAINT_VIOLATION",
  "53": "outage",
  "57": "outage",
  "58": "outage",
};

const byCode: ReadonlyMap<string, Meaning> = new Map(
  sqlstates.map(([code, , meaning]) => [code, meaning]),
);

export function meaning(error: unknown): Meaning | undefined {
  const code = codeOf(error);
  if (code === undefined) return undefined;
  const category = code.slice(0, 2);
  return byCode.get(code) ?? (Object.hasOwn(classes, category) ? classes[category] : undefined);
}

/** Five digits and capitals; the socket's own codes are longer, but for EPIPE, which no table has. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" && /^[0-9A-Z]{5}$/.test(error.code)
    ? error.code
    : undefined;
}
