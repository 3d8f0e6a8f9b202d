import { createContext } from "preact";
import { useContext } from "preact/hooks";

import type { Config } from "./config.ts";

export const Settings = createContext<Config | undefined>(undefined);

export function useConfig(): Config {
  const config = useContext(Settings);
  if (!config) throw new Error("no configuration");
  return config;
}
