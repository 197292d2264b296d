"""Where each attack of ../shared/references/attacks.json is refused: its tests, as file::function.

`WAITING` are those whose feature does not exist yet, or whose refusal is still to be built, with what is missing.
`PARTLY` is what an attack asks besides and is not tested yet.
"""

HERE = "tests/security/test_attacks.py"
TABLE = "tests/annotate/test_access_table.py"
METHODS = "tests/security/test_every_method.py"
JSON = "tests/annotate/api/test_json.py"
WORK = "tests/annotate/api/test_work.py"
INVITE = "tests/annotate/crowd/test_invitations.py"
TOKENS = "tests/annotate/test_tokens.py"
RENDER = "tests/annotate/test_rendering.py"
HOSTILE = "tests/annotate/test_hostile_pages.py"
BROWSER = "tests/browser/test_hostile.py"
BASE = "tests/rlhf/training/test_base.py"
RUNDIR = "tests/rlhf/contract/test_rundir.py"
SUPERVISOR = "tests/rlhf/test_supervisor.py"
DETECTORS = "tests/annotate/quality/detectors/test_detectors.py"
POSTING = "tests/annotate/test_posting.py"
SIGN_IN = "tests/operations/test_sign_in.py"
LIMITS = "tests/operations/test_limits.py"
LAUNCH = "tests/rlhf/test_double_launch.py"
GATE = "tests/rlhf/test_gate.py"
TRIGGERS = "tests/annotate/quality/test_triggers.py"
APPEND_ONLY = "tests/annotate/test_append_only.py"
LEDGER = "tests/annotate/crowd/test_ledger.py"
SEALING = "tests/annotate/test_sealing.py"
SESSIONS = "tests/operations/test_sessions.py"
OUTSIDE = "tests/annotate/test_names_outside.py"

TESTS = {
    "A01": [
        f"{HERE}::test_a01_a02_a04_a_list_takes_no_filter_that_it_does_not_name",
        f"{HERE}::test_a01_a_page_tells_nothing_by_what_is_guessed",
    ],
    "A02": [f"{HERE}::test_a01_a02_a04_a_list_takes_no_filter_that_it_does_not_name"],
    "A04": [f"{HERE}::test_a01_a02_a04_a_list_takes_no_filter_that_it_does_not_name"],
    "A05": [f"{HERE}::test_a05_another_persons_work_is_like_none"],
    "A07": [
        f"{HERE}::test_a07_an_answer_takes_no_field_that_it_does_not_name",
        f"{HERE}::test_a07_a_forms_extra_fields_change_nothing",
    ],
    "A08": [
        f"{TABLE}::test_every_url_stands_in_the_table",
        f"{TABLE}::test_each_role_gets_exactly_the_statuses_of_the_table",
        f"{METHODS}::test_a_method_that_the_table_does_not_list_is_refused",
        f"{METHODS}::test_head_tells_no_more_than_get",
        f"{METHODS}::test_a_suspended_account_is_a_stranger",
        f"{METHODS}::test_no_page_of_djangos_admin_site_opens_for_others",
    ],
    "A10": [
        f"{TABLE}::test_annotators_meet_no_model_no_other_person_and_no_simulation",
        f"{TABLE}::test_annotators_meet_no_secret_on_their_round",
    ],
    "A11": [
        f"{HERE}::test_a11_nobody_rules_on_what_they_ranked",
        f"{HERE}::test_a11_another_reviewer_rules",
        f"{TABLE}::test_each_role_gets_exactly_the_statuses_of_the_table",
    ],
    "A13": [
        f"{INVITE}::test_a_closed_link_says_why_and_makes_nobody",
        f"{INVITE}::test_the_constraint_refuses_the_use_too_many_however_many_come_at_once",
    ],
    "A14": [
        f"{HERE}::test_a14_a_token_stands_in_no_row_and_no_url",
        f"{TOKENS}::test_the_database_holds_no_token",
        f"{TOKENS}::test_an_expired_token_is_401",
        f"{TOKENS}::test_a_closed_accounts_token_is_401",
        f"{TOKENS}::test_a_revoked_token_is_401",
        f"{TOKENS}::test_a_token_that_only_reads_changes_nothing",
        f"{HERE}::test_a14_no_log_line_holds_a_token_or_a_password",
        "tests/rlhf/test_api.py::test_an_annotators_token_opens_nothing_of_training",
    ],
    "A16": [
        f"{HERE}::test_a16_two_installations_have_different_keys",
        f"{HERE}::test_a16_a_key_that_can_be_guessed_is_refused_before_anything_starts",
    ],
    "A17": [f"{HERE}::test_a17_a_fresh_installation_has_no_account"],
    "A19": [
        f"{HERE}::test_a19_a_fault_of_ours_tells_nothing_of_us",
        "tests/annotate/test_rank_page.py::test_an_error_of_ours_is_said_without_detail",
    ],
    "A20": [f"{HERE}::test_a20_no_path_leads_out_of_a_folder"],
    "A22": [
        f"{HOSTILE}::test_no_text_from_outside_becomes_a_part_of_a_page",
        f"{BROWSER}::test_no_attack_runs_or_asks_for_anything_elsewhere",
    ],
    "A23": [
        f"{HERE}::test_a23_a_refused_file_shows_what_it_holds_inert",
        f"{HOSTILE}::test_attacks_in_addresses_and_forms_come_back_inert",
    ],
    "A25": [
        f"{RENDER}::test_an_image_becomes_a_link_to_it",
        f"{BROWSER}::test_no_attack_runs_or_asks_for_anything_elsewhere",
    ],
    "A26": [f"{BROWSER}::test_a_text_stays_inside_its_box_and_leaves_the_letters_alone"],
    "A28": [
        f"{HERE}::test_a28_the_order_of_display_is_drawn_for_each_assignment",
        f"{RENDER}::test_what_cannot_be_seen_is_marked",
        f"{RENDER}::test_nothing_can_be_hidden_from_the_annotator",
    ],
    "A29": [
        f"{HERE}::test_a29_a_cell_that_begins_a_formula_is_text_and_comes_back",
        "tests/annotate/test_exports.py::test_a_cell_that_begins_a_formula_is_escaped_and_read_back",
        "tests/annotate/crowd/test_pay.py::test_a_line_holds_no_formula",
    ],
    "A31": [f"{HERE}::test_a31_signing_in_and_the_language_lead_nowhere_else"],
    "A32": [
        f"{POSTING}::test_an_address_that_only_we_can_reach_is_refused",
        f"{POSTING}::test_no_spelling_of_this_machine_is_connected_to",
        f"{POSTING}::test_the_connection_goes_to_the_address_that_was_looked_at",
        "tests/annotate/test_webhooks.py::test_a_redirect_is_a_failure_and_nobody_follows_it",
    ],
    "A34": [f"{BASE}::test_pickled_weights_are_refused_unread"],
    "A35": [
        f"{HERE}::test_a35_a40_a41_b62_a_run_takes_no_key_that_is_the_servers",
        f"{BASE}::test_code_in_the_directory_is_not_run",
    ],
    "A37": [
        f"{RUNDIR}::test_a_changed_byte_is_noticed",
        f"{RUNDIR}::test_a_missing_file_is_noticed",
        f"{RUNDIR}::test_an_extra_file_is_noticed",
        f"{RUNDIR}::test_another_manifest_than_the_recorded_one_is_noticed",
        f"{SUPERVISOR}::test_a_checkpoint_that_does_not_verify_fails_the_run",
    ],
    "A38": [f"{BASE}::test_weights_that_do_not_fit_the_config_are_refused"],
    "A40": [
        f"{HERE}::test_a35_a40_a41_b62_a_run_takes_no_key_that_is_the_servers",
        f"{SUPERVISOR}::test_the_trainer_gets_the_order_of_its_run",
    ],
    "A41": [
        f"{HERE}::test_a41_a_trainer_gets_no_variable_that_is_not_on_the_list",
        f"{SUPERVISOR}::test_the_trainer_knows_none_of_our_secrets",
    ],
    "A43": [f"{HERE}::test_a43_a_config_in_yaml_is_refused_unread", f"{HERE}::test_a43_yaml_is_no_import"],
    "A44": [f"{BASE}::test_a_tokenizer_without_a_chat_template_is_refused"],
    "A50": [
        f"{RENDER}::test_texts_made_to_be_slow_are_shown_without_a_long_wait",
        f"{RENDER}::test_what_is_nested_too_deep_for_markdown_is_shown_plain_and_whole",
    ],
    "A52": [f"{JSON}::test_json_that_is_not_strict_is_refused_by_field"],
    "A53": [f"{JSON}::test_json_that_is_not_strict_is_refused_by_field"],
    "A55": [
        "tests/annotate/test_staff_pages.py::test_a_file_over_the_limit_is_refused_before_it_is_read",
        "tests/rlhf/test_runs.py::test_a55_a_project_whose_checkpoints_fill_its_quota_trains_nothing_more",
        "tests/rlhf/test_supervisor.py::test_a_run_without_room_is_refused_before_it_begins",
    ],
    "A56": [
        f"{LAUNCH}::test_of_twenty_orders_at_once_one_starts_a_run",
        f"{LAUNCH}::test_the_database_itself_refuses_a_second_active_run",
    ],
    "A58": [
        f"{WORK}::test_a_submission_is_stored_once_however_often_it_is_sent",
        f"{WORK}::test_a_submission_used_for_something_else_is_a_conflict",
        f"{WORK}::test_another_persons_comparison_is_like_one_that_is_not_there",
    ],
    "A49": ["tests/security/test_slow_clients.py::test_a49_slow_clients_do_not_stop_the_others"],
    "A59": [
        "tests/annotate/test_revise.py::test_a_change_over_another_change_is_refused_and_explained",
        f"{WORK}::test_of_two_changes_of_the_same_revision_the_second_is_refused_with_the_current_one",
    ],
    "A61": [
        f"{DETECTORS}::test_a_pure_position_clicker_has_a_pull_of_one_and_no_information",
        f"{DETECTORS}::test_the_same_answer_again_and_again_is_found_whatever_it_is",
        f"{DETECTORS}::test_fast_and_bad_is_serious_and_fast_and_good_is_looked_at",
    ],
    "A46": [
        f"{HERE}::test_a46_guessing_one_password_closes_that_name_from_that_address_only",
        f"{HERE}::test_a46_a_forged_address_is_not_believed",
        f"{HERE}::test_a46_one_guess_at_each_of_many_names_is_slowed_down",
        f"{SIGN_IN}::test_behind_a_proxy_each_client_has_a_lock_of_its_own",
    ],
    "A47": [
        f"{HERE}::test_a47_what_was_accepted_before_the_limit_is_kept",
        f"{LIMITS}::test_processes_share_a_bucket_and_never_give_more_than_it_holds",
        f"{LIMITS}::test_an_annotator_who_is_too_quick_is_told_how_long_to_wait",
        f"{LIMITS}::test_the_api_says_it_in_its_own_shape",
        f"{LIMITS}::test_guessing_invitations_is_limited_by_address",
        f"{LIMITS}::test_a_loop_of_exports_is_slowed_down",
        f"{LIMITS}::test_asking_for_the_next_comparison_in_a_loop_is_slowed_down",
    ],
    "A62": ["tests/annotate/quality/test_judgement.py::test_two_who_copy_are_a_ring_and_name_each_other"],
    "A65": [
        f"{OUTSIDE}::test_a65_no_name_of_one_projects_files_stands_in_anothers",
        f"{OUTSIDE}::test_a65_people_are_told_apart_and_stay_the_same_in_a_second_export",
        f"{OUTSIDE}::test_a65_what_annotators_wrote_leaves_only_when_asked_for",
        f"{OUTSIDE}::test_a65_a_redacted_reason_keeps_its_words_and_is_accounted_for",
    ],
    "A67": [
        f"{LEDGER}::test_a_dispute_is_answered_and_each_decision_stays",
        f"{LEDGER}::test_no_decision_without_a_reason",
        f"{LEDGER}::test_what_was_promised_is_never_lowered",
        f"{LEDGER}::test_a_rate_for_all_work_so_far_raises_what_was_promised",
        f"{LEDGER}::test_the_annotator_reads_their_own_record_and_nobody_elses",
        f"{APPEND_ONLY}::test_the_database_refuses_to_change_or_delete_what_is_on_record",
    ],
    "A68": [
        f"{APPEND_ONLY}::test_the_database_refuses_to_change_or_delete_what_is_on_record",
        "tests/annotate/test_audit.py::test_an_act_that_is_rolled_back_leaves_no_entry",
        f"{SEALING}::test_a_changed_entry_is_named",
        f"{SEALING}::test_a_removed_entry_leaves_a_gap",
        f"{SEALING}::test_a_cut_off_tail_is_found_by_a_copy_of_its_seal",
        f"{SEALING}::test_the_command_tells_the_newest_seal_and_fails_with_the_first_break",
    ],
    "A64": [
        f"{GATE}::test_turned_choices_hold_back_what_learns_from_them_and_nothing_else",
        f"{GATE}::test_the_gate_shows_influence_and_gold",
        f"{GATE}::test_quarantine_makes_a_new_snapshot_without_them_that_trains",
        f"{GATE}::test_an_admin_signs_with_a_reason_and_it_stands_in_the_log",
        f"{GATE}::test_the_form_and_the_api_refuse_with_the_finding",
        f"{TRIGGERS}::test_who_turns_choices_toward_a_phrase_is_found_with_it",
        f"{TRIGGERS}::test_three_thousand_honest_people_have_no_finding",
    ],
    "A70": [
        f"{HERE}::test_a70_a_session_is_new_after_signing_in_and_dead_after_leaving",
        f"{HERE}::test_a70_a_changed_password_ends_the_sessions_that_were_open",
        f"{HERE}::test_a70_a_right_that_was_taken_away_is_gone_at_once",
        f"{HERE}::test_a70_the_sessions_cookie_is_out_of_reach_of_scripts_and_other_sites",
        f"{METHODS}::test_a_suspended_account_is_a_stranger",
        f"{SESSIONS}::test_staff_who_are_away_are_signed_out_and_told_why",
        f"{SESSIONS}::test_staff_who_work_stay_until_the_day_is_over",
        f"{SESSIONS}::test_with_https_cookies_are_of_this_host_alone",
    ],
    "A71": [
        f"{HERE}::test_a71_every_answer_has_its_headers",
        f"{TABLE}::test_every_response_forbids_inline_scripts_and_guessed_types",
    ],
}
WAITING: dict[str, str] = {}
PARTLY = {
    "A64": "That a reward model's gap on the trigger falls to the baseline: benchmarks/poison.py, not a test.",
    "A05": "A refused look stands in the request log with its account, not in the audit log, which it could fill.",
    "A43": "No YAML is read at all, so there is no loader with a limit of aliases; config is a form or strict JSON.",
    "A44": "Sandboxing and the limit of time are the template engine's; no test of ours renders a hostile template.",
    "A47": "The limits are above the attack's rates: 600 answers and 900 pages a minute, after a burst of 3,000.",
    "A55": "A project's quota is of its checkpoints; an import's limit is of one file, and exports are not kept.",
    "A65": "Reasons are opt-in, and addresses and numbers in them found; a name in a sentence is not.",
    "A68": "What is written and changed within a minute, before it is sealed, is not seen.",
    "A70": "The limits of staff sessions and the __Host- names are on only with HTTPS=1.",
    "A71": "HSTS is on only with HTTPS=1.",
}
