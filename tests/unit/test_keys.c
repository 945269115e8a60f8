/* The folder of keys, the table of roles, the budget of a peer and what a worker may run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "master/access.h"
#include "proto/peers.h"
#include "tests/tools/scratch.h"
#include "worker/permit.h"

static char *at(const struct scratch *s, const char *name)
{
    return path_join(s->folder, name);
}

static void keys_are_made_once_and_for_their_owner_alone(void **state)
{
    (void)state;
    struct scratch s;
    struct err err = ERR_NONE;
    struct key_pair pair;
    struct stat st;
    scratch_init(&s);
    char *folder = at(&s, "k"), *secret = at(&s, "k/server.key");
    assert_int_equal(keys_generate(folder, &err), 0);
    assert_int_equal(keys_generate(folder, &err), ERR_BAD);
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(secret, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(keys_server(folder, &pair, &err), 0);
    chmod(secret, 0640);
    assert_int_equal(keys_server(folder, &pair, &err), ERR_BAD);
    assert_non_null(strstr(err.text, "other users can read it"));
    assert_non_null(strstr(err.hint, "chmod 600"));
    chmod(secret, 0600);
    chmod(folder, 0770);
    assert_int_equal(keys_server(folder, &pair, &err), ERR_BAD);
    assert_non_null(strstr(err.hint, "chmod 700"));
    chmod(folder, 0700);
    free(folder);
    free(secret);
    scratch_fini(&s);
}

static void a_broken_key_is_named_and_not_shown(void **state)
{
    (void)state;
    struct scratch s;
    struct err err = ERR_NONE;
    struct key_pair pair;
    scratch_init(&s);
    scratch_text(&s, "server.key",
                 "hone-secret-key server\nTHIS-IS-A-SECRET-OF-FORTY-CHARACTERS-\x01"
                 "AAA\n");
    char *secret = at(&s, "server.key");
    chmod(secret, 0600);
    assert_int_equal(keys_server(s.folder, &pair, &err), ERR_BAD);
    assert_non_null(strstr(err.text, "server.key"));
    assert_null(strstr(err.text, "SECRET-OF"));
    assert_null(strstr(err.hint, "SECRET-OF"));
    free(secret);
    scratch_fini(&s);
}

static void the_list_follows_its_folder(void **state)
{
    (void)state;
    struct scratch s;
    struct err err = ERR_NONE;
    struct key_list list;
    struct key_trust trust;
    const enum role roles[] = {ROLE_VIEWER, ROLE_WORKER, ROLE_NONE};
    scratch_init(&s);
    char *folder = at(&s, "k"), *client = at(&s, "k/clients/node7");
    assert_int_equal(keys_generate(folder, &err), 0);
    assert_int_equal(key_list_load(&list, folder, &err), 0);
    assert_int_equal(list.count, 3);
    assert_int_equal(keys_add(folder, "node7", ROLE_WORKER, NULL, &err), 0);
    assert_true(key_list_refresh(&list));
    assert_int_equal(keys_trust(client, roles, &trust, &err), 0);
    assert_int_equal(trust.role, ROLE_WORKER);
    assert_string_equal(key_list_find(&list, trust.own.public)->name, "node7");
    assert_int_equal(keys_add(folder, "again", ROLE_OPERATOR, trust.own.public, &err),
                     ERR_BAD); /* one key, one role */
    assert_int_equal(keys_revoke(folder, "node7", &err), 0);
    assert_true(key_list_refresh(&list));
    assert_null(key_list_find(&list, trust.own.public));
    assert_int_equal(keys_revoke(folder, "node7", &err), ERR_GONE);
    assert_int_equal(keys_revoke(folder, "../server", &err), ERR_BAD);
    assert_int_equal(keys_add(folder, "../x", ROLE_WORKER, NULL, &err), ERR_BAD);
    key_list_fini(&list);
    free(folder);
    free(client);
    scratch_fini(&s);
}

static void every_role_has_its_verbs(void **state)
{
    (void)state;
    static const struct {
        enum msg_kind kind;
        const char *verb, *who; /* w v o: worker, viewer, operator */
    } rows[] = {
        {MSG_hello, "", "w"},       {MSG_report, "", "w"},       {MSG_done, "", "w"},
        {MSG_credit, "", "w"},      {MSG_beat, "", "w"},         {MSG_bye, "", "w"},
        {MSG_call, "ping", "wvo"},  {MSG_call, "status", "vo"},  {MSG_call, "query", "vo"},
        {MSG_call, "log", "vo"},    {MSG_call, "workers", "vo"}, {MSG_call, "submit", "o"},
        {MSG_call, "stop", "o"},    {MSG_call, "shutdown", "o"}, {MSG_call, "retry", "o"},
        {MSG_call, "approve", "o"}, {MSG_call, "new one", "o"},
    };
    const enum role roles[] = {ROLE_WORKER, ROLE_VIEWER, ROLE_OPERATOR};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct msg msg = {.kind = rows[i].kind};
        struct key_owner owner = {.name = "x", .role = ROLE_LOCAL};
        if (msg.kind == MSG_call)
            str_copy(msg.call.verb, sizeof msg.call.verb, rows[i].verb);
        assert_int_equal(access_check(&owner, &msg, NULL), 0);
        for (size_t r = 0; r < COUNT_OF(roles); r++) {
            owner.role = roles[r];
            bool may = strchr(rows[i].who, "wvo"[r]) != NULL;
            assert_int_equal(access_check(&owner, &msg, NULL), may ? 0 : ERR_NO);
        }
    }
}

static void a_peer_has_a_budget(void **state)
{
    (void)state;
    struct peers peers;
    peers_init(&peers, 2);
    assert_true(peers_came(&peers, 5, 0));
    assert_true(peers_came(&peers, 6, 0));
    assert_false(peers_came(&peers, 7, 0)); /* one too many */
    peers_went(&peers, 7);
    struct peer *peer = peers_heard(&peers, 5, 77, 0);
    assert_true(peer_spend(peer, PEER_BURST, 0));
    assert_false(peer_spend(peer, 1, 0));
    assert_true(peer_spend(peer, PEER_RATE / 2, 1000));
    assert_int_equal(peers_silent(&peers, PEER_SILENT_MS - 1), -1);
    assert_int_equal(peers_silent(&peers, PEER_SILENT_MS), 6); /* 5 has spoken */
    assert_null(peers_heard(&peers, -1, 1, 0));
    peers_fini(&peers);
}

/* A master that had no turn while a flood came finds it all the same. */
static void what_came_before_the_first_look_waits_too(void **state)
{
    (void)state;
    struct peers peers;
    peers_init(&peers, 2);
    assert_true(peers_came(&peers, 5, 0));
    assert_int_equal(peer_unread(&peers.by_fd[5], PEER_UNREAD_MAX + 1), PEER_UNREAD_MAX + 1);
    struct peer *peer = peers_heard(&peers, 5, 77, 0);
    peer_took(peer, PEER_UNREAD_MAX, 3);
    assert_true(peer_unread(peer, PEER_UNREAD_MAX + 1) < PEER_FRAME_BYTES);
    peer = peers_heard(&peers, 6, 78, 0); /* nobody told us when it came: from now on */
    assert_int_equal(peer_unread(peer, PEER_UNREAD_MAX), 0);
    assert_int_equal(peer_unread(peer, PEER_UNREAD_MAX + 1), 1);
    peers_fini(&peers);
}

/* To the byte, whatever the machine does meanwhile; test_wire and test_floods show that it comes to that. */
static void a_peer_is_owed_no_more_than_its_bound(void **state)
{
    (void)state;
    struct peer peer = {.there = true};
    assert_false(peer_owes(&peer, PEER_OWED_MAX));
    assert_true(peer_owes(&peer, 1)); /* a byte too many, as far as we know: */
    assert_true(peer_paid(&peer, 1)); /* it has taken one */
    assert_true(peer_owes(&peer, 1));
    assert_false(peer_paid(&peer, 1)); /* and no more since */
    assert_true(peer_paid(&peer, PEER_OWED_MAX + 1));
    assert_int_equal(peer.owed, 1);
}

/* ---- permit ---- */

static int check(const struct permit_options *options, const char *cwd, char *const *argv, char **program)
{
    struct str text = {0};
    struct err err = ERR_NONE;
    assert_int_equal(permit_write(options, &text, &err), 0);
    struct json *may = json_parse(text.text, text.len, "may", &err);
    int rc = permit_check(may, argv, cwd, "/usr/bin:/bin", program, &err);
    json_free(may);
    str_fini(&text);
    return rc;
}

#define ARGV(...) ((char *[]){__VA_ARGS__, NULL})

static void a_worker_runs_what_begins_with_an_allowed_command(void **state)
{
    (void)state;
    const char *const allow[] = {"python3 train.py"};
    struct permit_options options = {
        .allow = allow, .allow_count = 1, .memory = -1, .files = -1, .time_ms = -1};
    char python[] = "python3", train[] = "train.py", other[] = "evil.py", c[] = "-c",
         whole[] = "python3 train.py";
    char *program;
    assert_int_equal(check(&options, "/", ARGV(python, train), &program), 0);
    assert_int_equal(check(&options, "/", ARGV(python, train, c), &program), 0);
    assert_int_equal(check(&options, "/", ARGV(python, other), &program), ERR_NO);
    assert_int_equal(check(&options, "/", ARGV(python, c, train), &program), ERR_NO);
    assert_int_equal(check(&options, "/", ARGV(python), &program), ERR_NO);
    assert_int_equal(check(&options, "/", ARGV(whole), &program), ERR_NO);
    options.any = true;
    assert_int_equal(check(&options, "/", ARGV(python, other), &program), 0);
}

static void programs_lie_in_the_trainers_folder_links_followed(void **state)
{
    (void)state;
    struct scratch s;
    scratch_init(&s);
    char *folder = at(&s, "t"), *inside = at(&s, "t/train"), *link = at(&s, "t/link"), *program;
    mkdir(folder, 0700);
    scratch_text(&s, "t/train", "#!/bin/sh\n");
    chmod(inside, 0700);
    assert_int_equal(symlink("/bin/sh", link), 0);
    struct permit_options options = {.trainers = folder, .memory = -1, .files = -1, .time_ms = -1};
    char near[] = "./train", climb[] = "../t/../../../bin/sh", linked[] = "./link", sh[] = "sh";
    assert_int_equal(check(&options, folder, ARGV(near), &program), 0);
    assert_string_equal(path_base(program), "train");
    free(program);
    assert_int_equal(check(&options, folder, ARGV(climb), &program), ERR_NO);
    assert_int_equal(check(&options, folder, ARGV(linked), &program), ERR_NO);
    assert_int_equal(check(&options, folder, ARGV(sh), &program), ERR_NO);
    free(folder);
    free(inside);
    free(link);
    scratch_fini(&s);
}

static void trainers_see_what_they_need(void **state)
{
    (void)state;
    const char may_text[] = "{\"env\":[\"WANDB_API_KEY\",\"AWS_*\"]}";
    struct json *may = json_parse(may_text, strlen(may_text), "may", NULL);
    const char *const seen[] = {"PATH=/bin",      "HOME=/h",          "LC_ALL=C", "CUDA_VISIBLE_DEVICES=0",
                                "SLURM_JOB_ID=1", "OMP_NUM_THREADS=1"};
    const char *const asked[] = {"WANDB_API_KEY=1", "AWS_SECRET=1"};
    const char *const hidden[] = {"HONE_KEYS=/k", "PASSWORD=1", "LD_PRELOAD=x", "WANDB_API_KEY2=1",
                                  "PATHS=1"};
    for (size_t i = 0; i < COUNT_OF(seen); i++)
        assert_true(permit_env(NULL, seen[i]));
    for (size_t i = 0; i < COUNT_OF(asked); i++)
        assert_true(permit_env(may, asked[i]) && !permit_env(NULL, asked[i]));
    for (size_t i = 0; i < COUNT_OF(hidden); i++)
        assert_false(permit_env(may, hidden[i]));
    json_free(may);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_made_once_and_for_their_owner_alone),
        cmocka_unit_test(a_broken_key_is_named_and_not_shown),
        cmocka_unit_test(the_list_follows_its_folder),
        cmocka_unit_test(every_role_has_its_verbs),
        cmocka_unit_test(a_peer_has_a_budget),
        cmocka_unit_test(what_came_before_the_first_look_waits_too),
        cmocka_unit_test(a_peer_is_owed_no_more_than_its_bound),
        cmocka_unit_test(a_worker_runs_what_begins_with_an_allowed_command),
        cmocka_unit_test(programs_lie_in_the_trainers_folder_links_followed),
        cmocka_unit_test(trainers_see_what_they_need),
    };
    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
