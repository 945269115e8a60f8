/* weights: the first layer of a model as a picture. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/models.h"
#include "common/file.h"
#include "worker/nn/watch.h"

static bool ends_in(const char *path, const char *ending)
{
    size_t len = strlen(path), tail = strlen(ending);
    return len > tail && strcmp(path + len - tail, ending) == 0;
}

/* By the ending of the file's name. */
static int encode(const struct image *image, const char *path, struct str *out, struct err *err)
{
    if (ends_in(path, ".png"))
        image_png(image, out);
    else if (ends_in(path, image->channels == 1 ? ".pgm" : ".ppm") || ends_in(path, ".pnm"))
        image_pnm(image, out);
    else {
        err_set(err, ERR_BAD, "%s: a picture in %s is called .png, %s or .pnm", path,
                image->channels == 1 ? "grey" : "colour", image->channels == 1 ? ".pgm" : ".ppm");
        return err_hint(err, "-o %s.png", path);
    }
    return 0;
}

static int write_picture(const struct weight_tiles *tiles, const char *path, struct err *err)
{
    struct image image;
    struct str bytes = {0};
    int rc = image_of_weights(tiles, &image, err);
    if (rc)
        return rc;
    rc = encode(&image, path, &bytes, err);
    if (!rc)
        rc = file_write_whole(path, bytes.text, bytes.len, err);
    image_fini(&image);
    str_fini(&bytes);
    return rc;
}

static void tell(const struct weight_tiles *t, const char *path)
{
    double roughness = tiles_roughness(t);
    printf("%s: %d units of %d x %d", path, t->units, t->height, t->width);
    if (t->channels > 1)
        printf(", %d channels", t->channels);
    if (isfinite(roughness))
        printf("; roughness %.2f (noise has 20, smooth stripes less than 1)", roughness);
    printf("\n");
}

static void tell_json(const struct weight_tiles *t, const char *path)
{
    struct str out = {0};
    struct jw w = jw_to(&out);
    jw_object(&w, NULL);
    jw_text(&w, "file", path);
    jw_int(&w, "units", t->units);
    jw_int(&w, "height", t->height);
    jw_int(&w, "width", t->width);
    jw_int(&w, "channels", t->channels);
    jw_num(&w, "roughness", tiles_roughness(t));
    jw_close_object(&w);
    printf("%s\n", str_text(&out));
    str_fini(&out);
}

static int draw(const struct opt_weights *opt, const struct models *models, struct err *err)
{
    struct model model;
    struct weight_tiles tiles;
    if (models->count != 1)
        return err_set(err, ERR_BAD, "%s has %d members: name one of its checkpoints", opt->args.items[0],
                       models->count);
    int rc = model_load(models->list[0].path, &model, err);
    if (rc)
        return rc;
    rc = watch_tiles(model.net, &tiles, err);
    if (!rc)
        rc = write_picture(&tiles, opt->out, err);
    if (!rc)
        (opt->json ? tell_json : tell)(&tiles, opt->out);
    model_fini(&model);
    return rc;
}

int cmd_weights(const struct opt_weights *opt)
{
    struct err err = ERR_NONE;
    struct models models;
    const struct models_place place = {opt->db, opt->master, opt->study, NULL};
    int rc = models_open(opt->args.items[0], &place, &models, &err);
    if (!rc) {
        rc = draw(opt, &models, &err);
        models_fini(&models);
    }
    return rc ? command_fail("weights", &err) : 0;
}
