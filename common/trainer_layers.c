#include "common/trainer_layers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/json.h"

enum { COUNT_MAX = 65536, WINDOW_MAX = 64 };

static const char *const kind_names[] = {
    [LAYER_AFFINE] = "affine",   [LAYER_CONV] = "conv",           [LAYER_POOL] = "pool",
    [LAYER_RELU] = "relu",       [LAYER_LEAKY] = "leaky",         [LAYER_TANH] = "tanh",
    [LAYER_SIGMOID] = "sigmoid", [LAYER_MAXOUT] = "maxout",       [LAYER_DROPOUT] = "dropout",
    [LAYER_FLATTEN] = "flatten", [LAYER_BATCHNORM] = "batchnorm", [LAYER_FLATTEN + 1] = NULL,
};

static const char *const kind_forms[] = {
    [LAYER_AFFINE] = "affine 128",
    [LAYER_CONV] = "conv 3x3x16, conv 5x5x8 stride 2 pad 0",
    [LAYER_POOL] = "pool 2, pool 3 stride 2",
    [LAYER_RELU] = "relu",
    [LAYER_LEAKY] = "leaky, leaky 0.1",
    [LAYER_TANH] = "tanh",
    [LAYER_SIGMOID] = "sigmoid",
    [LAYER_MAXOUT] = "maxout 2",
    [LAYER_DROPOUT] = "dropout, dropout 0.5",
    [LAYER_BATCHNORM] = "batchnorm",
    [LAYER_FLATTEN] = "flatten",
};

const char *layer_kind_name(enum layer_kind kind)
{
    PRE(kind >= 0 && kind <= LAYER_FLATTEN);
    return kind_names[kind];
}

/* Where the reader stands in the text; `bad` says what it could not read. */
struct reader {
    const char *text, *at;
    const char *bad;
};

static void skip_spaces(struct reader *reader)
{
    while (*reader->at == ' ')
        reader->at++;
}

/* A {placeholder} stands for a number that is not known yet. */
static bool skip_placeholder(struct reader *reader)
{
    const char *end = *reader->at == '{' ? strchr(reader->at, '}') : NULL;
    if (end)
        reader->at = end + 1;
    return end != NULL;
}

static int read_count(struct reader *reader, int low, int high, const char *what)
{
    if (reader->bad || skip_placeholder(reader))
        return low ? low : 1;
    char *end;
    long value = isdigit((unsigned char)*reader->at) ? strtol(reader->at, &end, 10) : -1;
    if (value < low || value > high) {
        reader->bad = what;
        return low;
    }
    reader->at = end;
    return (int)value;
}

static double read_value(struct reader *reader, double low, double high, const char *what)
{
    if (reader->bad || skip_placeholder(reader))
        return low;
    char *end = NULL;
    double value = isdigit((unsigned char)*reader->at) || *reader->at == '.' ? strtod(reader->at, &end) : -1;
    if (!end || !(value >= low) || value > high) {
        reader->bad = what;
        return low;
    }
    reader->at = end;
    return value;
}

static void read_times(struct reader *reader)
{
    if (reader->bad)
        return;
    if (*reader->at == 'x')
        reader->at++;
    else
        reader->bad = "HEIGHTxWIDTHxFILTERS";
}

static bool read_word(struct reader *reader, const char *word)
{
    skip_spaces(reader);
    size_t len = strlen(word);
    if (reader->bad || strncmp(reader->at, word, len) != 0 || reader->at[len] != ' ')
        return false;
    reader->at += len;
    skip_spaces(reader);
    return true;
}

static void read_window(struct reader *reader, struct layer_spec *out)
{
    out->height = read_count(reader, 1, WINDOW_MAX, "a window of 1 to 64");
    if (out->kind == LAYER_POOL) {
        out->width = out->height;
        out->stride = out->height;
        if (*reader->at == 'x') {
            reader->at++;
            out->width = read_count(reader, 1, WINDOW_MAX, "a window of 1 to 64");
        }
    } else {
        read_times(reader);
        out->width = read_count(reader, 1, WINDOW_MAX, "a window of 1 to 64");
        read_times(reader);
        out->count = read_count(reader, 1, COUNT_MAX, "1 to 65536 filters");
        out->stride = 1;
        out->pad = out->height / 2;
    }
    if (read_word(reader, "stride"))
        out->stride = read_count(reader, 1, WINDOW_MAX, "a stride of 1 to 64");
    if (out->kind == LAYER_CONV && read_word(reader, "pad"))
        out->pad = read_count(reader, 0, WINDOW_MAX, "a pad of 0 to 64");
}

static void read_arguments(struct reader *reader, struct layer_spec *out)
{
    skip_spaces(reader);
    out->bare = *reader->at == '\0';
    switch (out->kind) {
    case LAYER_AFFINE: out->count = read_count(reader, 1, COUNT_MAX, "1 to 65536 units"); break;
    case LAYER_MAXOUT: out->count = read_count(reader, 2, COUNT_MAX, "2 or more neighbours"); break;
    case LAYER_CONV:
    case LAYER_POOL: read_window(reader, out); break;
    case LAYER_LEAKY: out->value = out->bare ? 0.01 : read_value(reader, 0, 1, "a slope of 0 to 1"); break;
    case LAYER_DROPOUT:
        out->value = out->bare ? 0 : read_value(reader, 0, 0.99, "a probability of 0 to 0.99");
        break;
    default: break;
    }
    skip_spaces(reader);
    if (!reader->bad && *reader->at)
        reader->bad = "nothing more";
}

int layer_spec_parse(const char *text, struct layer_spec *out, struct err *err)
{
    size_t len = strcspn(text, " ");
    int kind = 0;
    while (kind_names[kind] && (strlen(kind_names[kind]) != len || strncmp(text, kind_names[kind], len) != 0))
        kind++;
    if (!kind_names[kind]) {
        char word[32] = "";
        memcpy(word, text, len < sizeof word ? len : sizeof word - 1);
        const char *near = nearest_name(word, kind_names);
        err_set(err, ERR_BAD, "\"%.60s\" is no layer", text);
        if (near)
            return err_hint(err, "did you mean \"%s\"?", near);
        return err_hint(
            err, "there are affine, conv, pool, relu, leaky, tanh, sigmoid, maxout, dropout, batchnorm "
                 "and flatten");
    }
    *out = (struct layer_spec){.kind = (enum layer_kind)kind};
    struct reader reader = {.text = text, .at = text + len};
    read_arguments(&reader, out);
    if (!reader.bad)
        return 0;
    err_set(err, ERR_BAD, "\"%.60s\": expected %s at \"%.20s\"", text, reader.bad, reader.at);
    if (isalpha((unsigned char)*reader.at))
        return err_hint(err, "write it like this: %s; a parameter of the space goes in by its name: {%.*s}",
                        kind_forms[kind], (int)strcspn(reader.at, " "), reader.at);
    return err_hint(err, "write it like this: %s", kind_forms[kind]);
}
