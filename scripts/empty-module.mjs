// Stands in for modules that a dependency only imports while it is being debugged.
export default {};
