/* dash: the dashboard, until it is interrupted. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/browser.h"
#include "cli/commands.h"
#include "cli/importance.h"
#include "cli/signals.h"
#include "common/log.h"
#include "common/str.h"
#include "web/dash.h"
#include "web/page.h"

enum { TURN_MS = 1000, PORT_MOST = 65535 };

/* "127.0.0.1:7080", "[::1]:0". */
static int split_bind(const char *bind, char address[64], int64_t *port, struct err *err)
{
    const char *colon = strrchr(bind, ':');
    size_t len = colon ? (size_t)(colon - bind) : 0;
    bool bracket = len > 2 && bind[0] == '[' && bind[len - 1] == ']';
    char *end = NULL;
    if (bracket)
        bind++, len -= 2;
    *port = colon && colon[1] ? strtol(colon + 1, &end, 10) : -1;
    if (!len || len > 63 || !end || *end || *port < 0 || *port > PORT_MOST) {
        err_set(err, ERR_BAD, "--bind \"%.60s\": must be an address and a port", bind);
        return err_hint(err, "as in 127.0.0.1:7080 or [::1]:7080");
    }
    memcpy(address, bind, len);
    address[len] = '\0';
    return 0;
}

static bool is_this_machine(const char *address)
{
    return str_starts(address, "127.") || strcmp(address, "::1") == 0;
}

static int check_options(const struct opt_dash *opt, char address[64], int64_t *port, struct err *err)
{
    str_copy(address, 64, "127.0.0.1");
    *port = opt->port;
    if (opt->port > PORT_MOST)
        return err_set(err, ERR_BAD, "--port: from 0 to %d (got %lld)", PORT_MOST, (long long)opt->port);
    if (opt->bind && opt->port >= 0)
        return err_set(err, ERR_BAD, "--bind or --port, not both");
    int rc = opt->bind ? split_bind(opt->bind, address, port, err) : 0;
    if (!rc && opt->no_token && !is_this_machine(address)) {
        err_set(err, ERR_BAD, "--no-token: only on this machine, not on %s", address);
        rc = err_hint(err, "leave it out, or listen on 127.0.0.1 and reach it with ssh -L");
    }
    return rc;
}

/* Whoever started us is gone, or wants us to go. */
static bool input_ended(void)
{
    char text[256];
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&in, 1, 0) > 0 && read(STDIN_FILENO, text, sizeof text) <= 0;
}

static int serve(struct dash *dash, bool until_eof, struct err *err)
{
    int rc = 0, watch = until_eof ? STDIN_FILENO : -1;
    while (!rc && !signals_count() && !(until_eof && input_ended()))
        rc = dash_turn(dash, TURN_MS, watch, err);
    return rc;
}

/* What a person should know beside the address. */
static void tell(const char *address)
{
    if (!web_page_has_charts())
        log_warn(
            "this hone was built without its chart library: the page shows tables alone; to have the charts: "
            "tools/install charts && make");
    if (!is_this_machine(address))
        log_warn("beyond this machine nothing is encrypted: who listens in between sees the address and all "
                 "it shows; "
                 "ssh -L is safe");
}

static int show(struct dash *dash, const struct opt_dash *opt, const char *address, struct err *err)
{
    struct browser browser = {0};
    signals_catch();
    printf("%s\n", dash_url(dash));
    fflush(stdout);
    tell(address);
    if (opt->open)
        browser_open(&browser, dash_url(dash));
    int rc = serve(dash, opt->until_eof, err);
    browser_forget(&browser);
    return rc;
}

int cmd_dash(const struct opt_dash *opt)
{
    struct err err = ERR_NONE;
    struct dash *dash = NULL;
    char address[64];
    int64_t port;
    log_init(LOG_NOTE);
    log_for_people();
    int rc = check_options(opt, address, &port, &err);
    struct dash_options options = {.db = opt->db,
                                   .address = address,
                                   .port = (int)port,
                                   .is_open = opt->no_token,
                                   .importance = importance_json};
    if (!rc && (rc = dash_open(&options, &dash, &err)) == ERR_GONE)
        rc = err.code = ERR_REACH; // as for every other reader
    if (!rc)
        rc = show(dash, opt, address, &err);
    dash_close(dash);
    return rc ? command_fail("dash", &err) : 0;
}
