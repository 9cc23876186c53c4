/** The arena's colours: those of the page's style for the ground, and one for each seat. */

const dark = matchMedia("(prefers-color-scheme: dark)");

const GROUNDS = {
  light: {
    floor: "#f1ebdf", mark: "#dcd3c0", shade: "#cfc5b1", top: "#363a52", side: "#20223a", edge: "#565c7d",
    ink: "#20223a", quiet: "#7c7668", label: "#3b3d52", plate: "#d8cfbd", core: null, wreck: "#b3a994",
  },
  dark: {
    floor: "#191a28", mark: "#282a3d", shade: "#11121c", top: "#474c6b", side: "#2a2d45", edge: "#6d7398",
    ink: "#f4efe6", quiet: "#8a8ea8", label: "#d5d7e6", plate: "#33364d", core: "#ffffff", wreck: "#3c3f57",
  },
};

/** The own ship's, and nobody else's. */
export const OWN = "#ff5436";
export const HEALTH = "#2fb37c";
export const AMMO = "#f2b134";

/** Of the others, by seat: far from the own colour and from each other. */
const SEATS = [
  "#2f86eb", "#9b5de5", "#12a594", "#d89614", "#e255a1", "#5b8c2a", "#3fb3d6", "#7a6ff0", "#b0794a", "#5a7f9c",
];

export const seatColor = (player) => SEATS[player % SEATS.length];

/** The ground's colours as the browser wants them now. */
export const ground = () => (dark.matches ? GROUNDS.dark : GROUNDS.light);

/** Calls back when the browser wants others. */
export const onGroundChange = (listener) => dark.addEventListener("change", listener);
