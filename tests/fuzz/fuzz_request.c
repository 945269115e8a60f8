/* Random bytes as the target of an HTTP request, as its Host and as its Authorization. */
#include <stdint.h>
#include <string.h>

#include "common/check.h"
#include "common/str.h"
#include "web/api.h"
#include "web/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_arguments(const struct request *request)
{
    struct err err = ERR_NONE;
    uint32_t numbers[API_CURVES_MOST];
    for (int i = 0; i < request->arg_count; i++) {
        const char *name = request->args[i].name;
        int64_t value;
        POST(*name && request_arg(request, name) == request->args[i].value);
        POST(utf8_wrong_at(request->args[i].value, strlen(request->args[i].value)) ==
             strlen(request->args[i].value));
        if (request_whole(request, &(struct request_range){name, 1, 30, 0}, &value, &err) == 0)
            POST(value >= 1 && value <= 30);
        int count = request_numbers(request, name, numbers, API_CURVES_MOST, &err);
        POST(count < 0 || (count > 0 && numbers[count - 1] > 0));
        POST(api_seq_since(request->args[i].value, "17-0-ab") <= 17);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {0};
    struct request request;
    struct err err = ERR_NONE;
    str_addn(&text, data, size);
    const char *bytes = str_text(&text);
    if (request_parse(bytes, &request, &err)) {
        POST(err.code == ERR_BAD && err.text[0]);
    } else {
        POST(request.path[0] == '/' && request.arg_count <= REQUEST_ARGS_MAX);
        api_find(request.path);
        check_arguments(&request);
    }
    gate_host_fits(bytes, "node7");
    POST(!gate_token_fits("a-token-that-is-longer-than-what-is-tried-here-by-chance", bytes));
    str_fini(&text);
    return 0;
}
