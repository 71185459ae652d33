/** The version of Barter, as `barter --version`, `status` and the load summaries show it. */
export const version = '0.1.0';
