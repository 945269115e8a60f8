#include <stdlib.h>
#define KNOB(name, dflt) ({ static double v_ = -1e99; if (v_ == -1e99) { const char *e_ = getenv(name); v_ = e_ ? atof(e_) : (dflt); } v_; })
