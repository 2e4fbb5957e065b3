"""Rules and thresholds as their authors change them: applied, told apart, taken back, proposed."""
