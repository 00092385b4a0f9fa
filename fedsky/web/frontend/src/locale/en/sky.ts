export default { sunny: 'sunny', cloudy: 'cloudy' }
