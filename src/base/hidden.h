/*
** hidden.h - what this library defines stays inside it
** Depends on nothing. The last #include of each C file: what follows is not
** exported, whatever flags it is compiled with, so that calls from file to file
** cost no look-up. compat.h names the one exception.
*/

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif
