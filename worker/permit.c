#include "worker/permit.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/str.h"

/* ---- the worker's side: options to JSON ---- */

static int write_words(const char *command, struct jw *w, struct err *err)
{
    size_t count = 0;
    jw_array(w, NULL);
    for (const char *at = command; *at;) {
        size_t blanks = strspn(at, " \t"), len = strcspn(at + blanks, " \t");
        char *word = xstrndup(at + blanks, len);
        if (len)
            jw_text(w, NULL, word);
        count += len > 0;
        free(word);
        at += blanks + len;
    }
    jw_close_array(w);
    return count ? 0
                 : err_set(err, ERR_BAD,
                           "--allow needs the first words of a command, as in 'python3 train.py'");
}

static bool env_name_ok(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)name[i]) && name[i] != '_' && !(name[i] == '*' && i + 1 == len))
            return false;
    return len > 0;
}

static int write_names(const char *names, struct jw *w, struct err *err)
{
    for (const char *at = names; *at;) {
        size_t len = strcspn(at, ",");
        char *name = xstrndup(at, len);
        bool fine = env_name_ok(name, len);
        if (fine)
            jw_text(w, NULL, name);
        else
            err_set(err, ERR_BAD, "--env: \"%.60s\" is no name of a variable", name);
        free(name);
        if (!fine)
            return err_hint(err, "the name alone; its value comes from the worker's environment");
        at += len + (at[len] == ',');
    }
    return 0;
}

static int write_folder(const char *folder, struct jw *w, struct err *err)
{
    char real[PATH_MAX];
    if (!folder)
        return 0;
    if (!realpath(folder, real))
        return err_errno(err, "--trainers %s", folder);
    jw_text(w, "trainers", real);
    return 0;
}

static void write_limit(struct jw *w, const char *name, int64_t limit)
{
    if (limit >= 0)
        jw_int(w, name, limit);
}

int permit_write(const struct permit_options *options, struct str *out, struct err *err)
{
    struct jw w = jw_to(out);
    int rc = 0;
    jw_object(&w, NULL);
    jw_bool(&w, "any", options->any);
    jw_array(&w, "allow");
    for (size_t i = 0; i < options->allow_count && !rc; i++)
        rc = write_words(options->allow[i], &w, err);
    jw_close_array(&w);
    jw_array(&w, "env");
    for (size_t i = 0; i < options->env_count && !rc; i++)
        rc = write_names(options->env[i], &w, err);
    jw_close_array(&w);
    if (!rc)
        rc = write_folder(options->trainers, &w, err);
    write_limit(&w, "memory", options->memory);
    write_limit(&w, "files", options->files);
    write_limit(&w, "time_ms", options->time_ms);
    write_limit(&w, "log", options->log);
    jw_close_object(&w);
    return rc;
}

/* ---- the slot's side: may this run? ---- */

static bool begins_with(char *const *argv, const struct json *words)
{
    for (const struct json *word = json_first(words); word; word = json_next(word), argv++)
        if (!*argv || strcmp(*argv, json_text(word)) != 0)
            return false;
    return true;
}

static bool is_allowed(const struct json *may, char *const *argv)
{
    for (const struct json *words = json_first(json_get(may, "allow")); words; words = json_next(words))
        if (begins_with(argv, words))
            return true;
    return false;
}

static bool real_program(const char *path, char real[PATH_MAX])
{
    return realpath(path, real) && access(real, X_OK) == 0;
}

/* As execvp would find it, from the trainer's folder; false: nowhere. */
static bool find_program(const char *name, const char *cwd, const char *path, char real[PATH_MAX])
{
    bool found = false;
    if (strchr(name, '/')) {
        char *whole = path_join(cwd, name);
        found = real_program(whole, real);
        free(whole);
        return found;
    }
    for (const char *at = path; *at && !found;) {
        size_t len = strcspn(at, ":");
        char *whole = xasprintf("%.*s/%s", (int)len, at, name);
        found = len && real_program(whole, real);
        free(whole);
        at += len + (at[len] == ':');
    }
    return found;
}

static int refuse(const char *program, const struct json *may, struct err *err)
{
    bool fenced = json_count(json_get(may, "allow")) || json_get(may, "trainers");
    err_set(err, ERR_NO, "this worker does not run \"%.200s\"", program);
    if (fenced)
        return err_hint(err, "its --allow and --trainers say what it runs");
    return err_hint(
        err, "without keys, a worker runs what a master on another host sends only with --allow 'COMMAND', "
             "--trainers DIR or --allow-any; hone keygen makes keys");
}

int permit_check(const struct json *may, char *const *argv, const char *cwd, const char *path, char **program,
                 struct err *err)
{
    char real[PATH_MAX];
    const char *folder = json_text(json_get(may, "trainers"));
    *program = NULL;
    if (!may || json_bool(json_get(may, "any")) || is_allowed(may, argv))
        return 0;
    if (!*folder || !find_program(argv[0], cwd, path, real) || !path_is_inside(real, folder))
        return refuse(argv[0], may, err);
    *program = xstrdup(real); /* what was looked at is what runs */
    return 0;
}

/* ---- variables ---- */

static bool name_fits(const char *entry, size_t len, const char *pattern)
{
    size_t front = strlen(pattern);
    if (front && pattern[front - 1] == '*')
        return len >= front - 1 && strncmp(entry, pattern, front - 1) == 0;
    return len == front && strncmp(entry, pattern, len) == 0;
}

/* What trainers see of the worker's environment; a * at the end stands for anything. */
static const char *const seen[] = {
    /* the user */
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR",
    /* libraries */
    "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHASHSEED", "VIRTUAL_ENV", "CONDA_*",
    /* the machine */
    "CUDA_*", "NVIDIA_*", "HIP_*", "ROCR_*", "ZE_*", "GPU_DEVICE_ORDINAL", "SLURM_*", "SLURMD_NODENAME",
    "OMP_*", "OPENBLAS_*", "MKL_*",
    /* the slot */
    "HONE_SLOT", "HONE_GPU",
    /* sanitizers */
    "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"};

bool permit_env(const struct json *may, const char *entry)
{
    size_t len = strcspn(entry, "=");
    for (size_t i = 0; i < COUNT_OF(seen); i++)
        if (name_fits(entry, len, seen[i]))
            return true;
    for (const struct json *name = json_first(json_get(may, "env")); name; name = json_next(name))
        if (name_fits(entry, len, json_text(name)))
            return true;
    return false;
}
