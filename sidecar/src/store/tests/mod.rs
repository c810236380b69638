//! The conformance suite of stores: every fact is a function over a [`Fixture`], and a test on SQLite
//! and on a real Postgres.

mod commands;
mod database;
mod fixture;
mod history;
mod inbound;
mod outbox;
mod phone;
mod release;
mod replay;
mod replicas;
mod sealing;
mod sends;
mod sends_ended;
mod sends_replicas;
mod sends_uploads;
mod transfers;
mod volume;

use fixture::Fixture;

/// Two tests per fact.
macro_rules! conformance {
    ($($topic:ident { $($fact:ident),* $(,)? })*) => {
        mod on_sqlite {
            use super::*;
            $($(
                #[tokio::test]
                async fn $fact() {
                    $topic::$fact(Fixture::sqlite().await).await;
                }
            )*)*
        }

        mod on_postgres {
            use super::*;
            $($(
                #[tokio::test(flavor = "multi_thread")]
                async fn $fact() {
                    $topic::$fact(Fixture::postgres().await).await;
                }
            )*)*
        }
    };
}

conformance! {
    inbound {
        a_redelivery_finds_its_own_record_and_changes_nothing,
        content_replaces_a_placeholder_and_never_the_reverse,
        the_same_message_twice_in_one_batch_is_kept_once,
        a_newer_reference_is_taken_over_and_queued_again,
        an_older_or_equal_reference_is_not_taken_over,
        a_newer_reference_for_a_stored_file_changes_nothing,
        an_edit_that_repeats_the_file_links_to_the_first_record,
        an_edit_with_another_file_has_its_own_record,
        a_faulty_file_fails_at_once_and_holds_nothing,
        concurrent_accepts_all_arrive_once,
        what_senders_choose_may_be_long_and_hold_nul,
        records_are_listed_newest_first_by_page,
        records_are_listed_by_filter,
    }
    release {
        an_event_without_media_goes_at_once,
        a_held_event_goes_once_its_file_is_stored,
        a_held_event_waits_for_every_file,
        a_held_event_goes_when_its_file_failed,
        a_deadline_releases_the_event_and_the_file_follows,
        a_failure_after_the_deadline_follows_as_media_failed,
        an_event_that_may_not_be_held_goes_at_once,
        a_file_done_before_the_deadline_follows_too,
        an_endpoint_for_media_only_hears_of_every_file,
        a_bucket_known_to_be_down_releases_all,
        waiting_past_the_deadline_releases_the_event,
        event_ids_are_the_same_in_another_store,
    }
    transfers {
        the_longest_due_file_is_claimed_first_and_once,
        a_waiting_file_is_due_in_its_time_or_when_woken,
        bucket_and_key_are_fixed_once,
        a_second_result_changes_nothing,
        persist_is_asked_for_what_may_still_come,
        a_newer_reference_saves_a_running_file_from_failing,
        running_files_are_queued_again_after_a_crash,
        callers_are_woken_when_a_file_becomes_due,
    }
    phone {
        a_file_that_waits_for_the_phone_is_told_of_and_queued_with_its_new_path,
        a_held_event_goes_with_what_the_phone_brought_in_time,
        what_the_phone_lacks_has_failed_for_good,
        a_question_that_a_crash_interrupted_is_asked_again,
        an_answer_may_be_faster_than_the_word_that_it_was_asked,
        of_one_whatsapp_id_one_question_is_out_at_a_time,
        a_phone_that_says_nothing_of_use_is_asked_twice,
        what_waits_for_the_phone_is_due_when_its_time_is_up,
        a_file_that_nobody_saves_is_asked_for_by_its_caller_alone,
        an_answer_finds_a_running_file_too,
        a_newer_reference_needs_no_phone,
    }
    commands {
        a_command_is_answered_once_its_file_is_stored,
        a_command_hears_why_its_file_will_not_come,
        a_command_about_a_finished_file_is_answered_at_once,
        a_retry_queues_what_is_not_on_its_way,
        all_that_failed_is_tried_again_but_for_the_senders_faults,
        a_forgotten_file_leaves_its_key_and_does_not_come_back,
        nothing_waits_for_a_forgotten_file,
    }
    outbox {
        one_chat_keeps_its_order,
        chats_do_not_wait_for_each_other,
        endpoints_do_not_wait_for_each_other,
        a_retried_head_delays_its_chat_for_five_minutes,
        a_held_head_delays_its_chat_until_released,
        leased_deliveries_go_again_after_a_crash,
        a_dead_letter_lets_the_next_go,
        removed_endpoints_leave_dead_letters,
        the_next_due_time_ignores_what_cannot_be_claimed,
        a_hundred_thousand_behind_a_dead_endpoint_cost_nothing,
    }
    replay {
        dead_letters_are_listed_newest_first_by_page,
        what_died_goes_again_in_its_order_behind_what_is_before_it,
        what_is_on_its_way_is_not_queued_twice,
        what_ended_just_now_goes_again_by_its_id,
        what_a_removed_endpoint_left_goes_to_those_that_want_it_now,
        a_replayed_event_is_kept_until_it_is_delivered_again,
        an_event_is_found_far_behind_the_first_window,
    }
    sends {
        a_message_is_claimed_whole_and_once,
        a_missing_store_key_is_its_own_messages_trouble,
        the_key_of_a_file_to_send_is_sealed_anew,
        a_message_that_cannot_be_read_does_not_stop_the_queue,
        messages_of_one_chat_go_in_order,
        a_message_that_waits_holds_back_its_chat_and_no_other,
        a_repeat_finds_the_first_whatever_became_of_it,
        what_failed_for_now_is_made_anew_under_its_whatsapp_id,
        two_calls_at_once_under_one_key_are_one,
        what_is_queued_is_taken_back_and_what_runs_is_not,
        callers_are_woken_when_a_message_may_go,
    }
    sends_ended {
        what_has_ended_keeps_neither_words_nor_key,
        the_first_outcome_stands,
        a_result_is_told_exactly_where_nobody_waits,
        results_go_in_their_chats_lane,
        a_result_that_was_given_up_is_listed_until_its_retention,
        after_a_crash_only_what_nobody_waited_for_is_sent_again,
        files_are_named_until_their_messages_end,
        what_ended_goes_after_a_week_and_nothing_else,
    }
    history {
        a_chunk_is_kept_once_until_it_was_read,
        a_chunk_that_is_put_off_waits_and_lets_others_pass,
    }
    sends_uploads {
        an_upload_is_known_to_the_next_try_and_to_no_reader,
        what_was_sent_is_kept_with_its_end_and_once,
    }
    volume {
        delivered_events_go_after_a_week_and_records_after_retention,
        what_is_pending_outlives_its_retention,
    }
}
