/* signals: how often ^C or SIGTERM came. The handler only counts; poll() in the master's loop is cut short
 * by it. */
#ifndef HONE_CLI_SIGNALS_H
#define HONE_CLI_SIGNALS_H

void signals_catch(void); /* SIGINT, SIGTERM, SIGHUP are counted, SIGPIPE is ignored */
int signals_count(void);
int signals_status(void); /* 130, 143 or 129, by the first that came; 0: none */

#endif
