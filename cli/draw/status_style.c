#include "cli/draw/status_style.h"

#include <string.h>

#include "common/trial_status.h"

struct style status_style(const char *word)
{
    static const struct style styles[TRIAL_STATUS_COUNT] = {
        [TRIAL_waiting] = {.face = FACE_FAINT},   [TRIAL_running] = {.hue = HUE_CYAN},
        [TRIAL_paused] = {.hue = HUE_YELLOW},     [TRIAL_complete] = {.hue = HUE_GREEN},
        [TRIAL_pruned] = {.hue = HUE_YELLOW},     [TRIAL_failed] = {.hue = HUE_RED},
        [TRIAL_cancelled] = {.face = FACE_FAINT},
    };
    enum trial_status status;
    if (trial_status_parse(word, &status))
        return styles[status];
    if (strcmp(word, "unreadable") == 0)
        return styles[TRIAL_failed];
    return strcmp(word, "ended") == 0 ? styles[TRIAL_complete] : (struct style){0};
}

void status_text(const char *word, const char *text, struct str *out)
{
    struct style style = status_style(word);
    bool is_plain = !style.hue && !style.face;
    if (!is_plain)
        style_sgr(style, out);
    str_addf(out, "%s%s", text, is_plain ? "" : "\033[0m");
}
